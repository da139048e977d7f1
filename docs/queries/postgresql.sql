-- PostgreSQL 15 or later, with the lines as jsonb. These queries are run in a test on the logs of the booking example.
--
-- The lines have the names of slogtrace's own schema (docs/records.md). PostgreSQL's times have microseconds.
-- A line that a shipper delivered twice counts twice here. `slogtrace stats` counts it once.

-- 0. A table and a view, which the questions need. psql loads a file of lines with
--    \copy logs from 'app.log' with (format csv, quote e'\x01', delimiter e'\x02')
create table if not exists logs (line jsonb not null);
create index if not exists logs_trace on logs ((line ->> 'trace'));
create index if not exists logs_booking on logs ((line ->> 'booking.reference'));
create or replace view spans as
select
    line ->> 'trace' as trace, line ->> 'span' as span, line ->> 'parent' as parent, line ->> 'op' as op,
    coalesce(line ->> 'kind', 'internal') as kind, coalesce(line ->> 'service', '') as service,
    (line ->> 'start')::timestamptz as start,
    (line ->> 'duration_ms')::float8 as duration_ms,
    line ->> 'error' as error,
    (line ->> 'queued_ms')::float8 as queued_ms,
    coalesce((line ->> 'sampled')::boolean, true) as sampled, -- false: written because it failed, see docs/records.md, "Sampling"
    line
from logs
where line ->> 'msg' = 'span end' and line ? 'trace';

-- 1. All operations of a flow: of the traces in which the booking was mentioned.
select start, trace, service, op, kind, duration_ms, error
from spans
where trace in (select line ->> 'trace' from logs where line ->> 'booking.reference' = 'b-000000000000')
order by start, duration_ms desc;

-- 2. Failed calls of the calendar, with the root of their trace.
select c.start, c.trace, c.error, c.duration_ms, r.service as root_service, r.op as root, r.error as root_error
from spans c
left join spans r on r.trace = c.trace and r.parent is null
where c.op = 'calendar.reserve' and c.error is not null
order by c.start;

-- 3. How long a flow takes from end to end, waiting included: p95 per hour.
with flows as (
    select trace, min(start) as start, 1000 * extract(epoch from max(start + duration_ms * interval '1 millisecond') - min(start)) as ms
    from spans where sampled group by trace
)
select date_trunc('hour', start) as hour, count(*) as flows, percentile_disc(0.95) within group (order by ms) as p95_ms
from flows group by hour order by hour;

-- 4. Traces that failed in the last hour, the newest first.
select max(start) as last, trace, count(*) as failed_spans,
    (array_agg(op order by start))[1] as first_op, (array_agg(error order by start))[1] as first_error
from spans
where error is not null and start > now() - interval '1 hour'
group by trace order by last desc;

-- 5. The slowest operations.
select op, count(*) as spans, count(error) as failed,
    percentile_disc(0.5) within group (order by duration_ms) as p50_ms,
    percentile_disc(0.95) within group (order by duration_ms) as p95_ms,
    max(duration_ms) as max_ms
from spans where sampled
group by op order by p95_ms desc limit 20;

-- 6. What waits in queues: jobs that no worker has begun, the oldest first.
select p.start as since, p.trace, p.span, p.op
from spans p
where p.kind = 'producer' and p.error is null
    and not exists (select 1 from spans w where w.trace = p.trace and w.parent = p.span)
order by p.start;

-- 7. How long jobs waited until a worker began them.
select op, count(*) as jobs, percentile_disc(0.95) within group (order by queued_ms) as p95_ms, max(queued_ms) as max_ms
from spans where queued_ms is not null and sampled
group by op order by p95_ms desc;

-- 8. Circuit breakers that are not closed, by the last span that says so.
select * from (
    select distinct on (line ->> 'circuit_breaker.name') line ->> 'circuit_breaker.name' as breaker, line ->> 'circuit_breaker.state' as state, start as seen
    from spans where line ? 'circuit_breaker.name'
    order by line ->> 'circuit_breaker.name', start desc
) latest
where state <> 'closed' order by breaker;
