-- DuckDB 1.5, over the files themselves. These queries are run in a test on the logs of the booking example.
--
-- The lines have the names of slogtrace's own schema (docs/records.md). Put your files in place of 'logs/*.log'.
-- A line that a shipper delivered twice counts twice here. `slogtrace stats` counts it once.

-- 0. Views, which the questions need.
create or replace temp view records as
select json as line, json ->> 'msg' as msg, json ->> 'trace' as trace, json ->> 'span' as span, json ->> 'op' as op
from read_ndjson_objects('logs/*.log', ignore_errors = true);

create or replace temp view spans as
select
    trace, span, op,
    line ->> 'parent' as parent,
    coalesce(line ->> 'kind', 'internal') as kind,
    coalesce(line ->> 'service', '') as service,
    epoch_ns((line ->> 'start')::timestamp_ns) as start_ns,
    (line ->> 'duration_ms')::double as duration_ms,
    line ->> 'error' as error,
    (line ->> 'queued_ms')::double as queued_ms,
    coalesce((line ->> 'sampled')::boolean, true) as sampled, -- false: written because it failed, see docs/records.md, "Sampling"
    line
from records
where msg = 'span end' and trace is not null;

-- 1. All operations of a flow: of the traces in which the booking was mentioned.
select make_timestamp_ns(start_ns) as start, trace, service, op, kind, duration_ms, error
from spans
where trace in (select trace from records where line ->> '$."booking.reference"' = 'b-000000000000')
order by start_ns, duration_ms desc;

-- 2. Failed calls of the calendar, with the root of their trace.
select make_timestamp_ns(c.start_ns) as start, c.trace, c.error, c.duration_ms, r.service as root_service, r.op as root, r.error as root_error
from spans c
left join spans r on r.trace = c.trace and r.parent is null
where c.op = 'calendar.reserve' and c.error is not null
order by c.start_ns;

-- 3. How long a flow takes from end to end, waiting included: p95 per hour.
with flows as (
    select trace, min(start_ns) as start_ns, (max(start_ns + (duration_ms * 1e6)::bigint) - min(start_ns)) / 1e6 as ms
    from spans where sampled group by trace
)
select date_trunc('hour', make_timestamp_ns(start_ns)) as hour, count(*) as flows, quantile_disc(ms, 0.95) as p95_ms
from flows group by hour order by hour;

-- 4. Traces that failed in the last hour, the newest first.
select max(make_timestamp_ns(start_ns)) as last, trace, count(*) as failed_spans, arg_min(op, start_ns) as first_op, arg_min(error, start_ns) as first_error
from spans
where error is not null and make_timestamp_ns(start_ns) > (now() at time zone 'UTC') - interval 1 hour
group by trace order by last desc;

-- 5. The slowest operations.
select op, count(*) as spans, count(error) as failed, quantile_disc(duration_ms, 0.5) as p50_ms, quantile_disc(duration_ms, 0.95) as p95_ms, max(duration_ms) as max_ms
from spans where sampled
group by op order by p95_ms desc limit 20;

-- 6. What waits in queues: jobs that no worker has begun, the oldest first.
select make_timestamp_ns(p.start_ns) as since, p.trace, p.span, p.op
from spans p
where p.kind = 'producer' and p.error is null
    and not exists (select 1 from spans w where w.trace = p.trace and w.parent = p.span)
order by p.start_ns;

-- 7. How long jobs waited until a worker began them.
select op, count(*) as jobs, quantile_disc(queued_ms, 0.95) as p95_ms, max(queued_ms) as max_ms
from spans where queued_ms is not null and sampled
group by op order by p95_ms desc;

-- 8. Circuit breakers that are not closed, by the last span that says so.
select line ->> '$."circuit_breaker.name"' as breaker, arg_max(line ->> '$."circuit_breaker.state"', start_ns) as state, make_timestamp_ns(max(start_ns)) as seen
from spans where line ->> '$."circuit_breaker.name"' is not null
group by breaker having state <> 'closed'
order by breaker;
