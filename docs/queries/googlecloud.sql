-- Google Cloud Logging, with Log Analytics (BigQuery's SQL). Not run: written from Google's documentation.
-- Put your project, location and bucket in place of myproject.global._Default, and your dataset in place of mydataset.
--
-- The lines have the names of the preset GoogleCloud. Cloud Logging takes the ids out of them: trace and span_id are
-- columns, and the rest is in json_payload.

-- 0. A view in your own dataset, which the questions need.
create or replace view mydataset.spans as
select
    regexp_extract(trace, r'[0-9a-f]{32}$') as trace, span_id as span,
    json_value(json_payload.op) as op, json_value(json_payload.parent) as parent, ifnull(json_value(json_payload.kind), 'internal') as kind,
    ifnull(json_value(json_payload.service), '') as service, timestamp(json_value(json_payload.start)) as start, timestamp as finish,
    cast(json_value(json_payload.duration_ms) as float64) as duration_ms, json_value(json_payload.error) as error,
    cast(json_value(json_payload.queued_ms) as float64) as queued_ms, json_value(json_payload.sampled) is null as sampled,
    json_payload
from `myproject.global._Default._AllLogs`
where json_value(json_payload.message) = 'span end' and trace is not null;

-- 1. All operations of a flow: of the traces in which the booking was mentioned.
select start, trace, service, op, kind, duration_ms, error
from mydataset.spans
where trace in (
    select regexp_extract(trace, r'[0-9a-f]{32}$') from `myproject.global._Default._AllLogs`
    where json_value(json_payload, '$."booking.reference"') = 'b-000000000000'
)
order by start;

-- 2. Failed calls of the calendar, with the root of their trace.
select c.start, c.trace, c.error, c.duration_ms, r.service as root_service, r.op as root, r.error as root_error
from mydataset.spans c
left join mydataset.spans r on r.trace = c.trace and r.parent is null
where c.op = 'calendar.reserve' and c.error is not null
order by c.start;

-- 3. How long a flow takes from end to end, waiting included: p95 per hour.
with flows as (
    select trace, min(start) as start, timestamp_diff(max(finish), min(start), microsecond) / 1000 as ms
    from mydataset.spans where sampled group by trace
)
select timestamp_trunc(start, hour) as hour, count(*) as flows, approx_quantiles(ms, 100)[offset(95)] as p95_ms
from flows group by hour order by hour;

-- 4. Traces that failed in the last hour, the newest first.
select max(start) as last, trace, count(*) as failed_spans, array_agg(struct(op, error) order by start limit 1)[offset(0)] as first
from mydataset.spans
where error is not null and start > timestamp_sub(current_timestamp(), interval 1 hour)
group by trace order by last desc;

-- 5. The slowest operations.
select op, count(*) as spans, countif(error is not null) as failed, approx_quantiles(duration_ms, 100)[offset(50)] as p50_ms,
    approx_quantiles(duration_ms, 100)[offset(95)] as p95_ms, max(duration_ms) as max_ms
from mydataset.spans where sampled
group by op order by p95_ms desc limit 20;

-- 6. What waits in queues: jobs that no worker has begun, the oldest first.
select p.start as since, p.trace, p.span, p.op
from mydataset.spans p
where p.kind = 'producer' and p.error is null
    and not exists (select 1 from mydataset.spans w where w.trace = p.trace and w.parent = p.span)
order by since;

-- 7. How long jobs waited until a worker began them.
select op, count(*) as jobs, approx_quantiles(queued_ms, 100)[offset(95)] as p95_ms, max(queued_ms) as max_ms
from mydataset.spans where queued_ms is not null and sampled
group by op order by p95_ms desc;

-- 8. Circuit breakers that are not closed, by the last span that says so.
select json_value(json_payload, '$."circuit_breaker.name"') as breaker,
    array_agg(json_value(json_payload, '$."circuit_breaker.state"') order by start desc limit 1)[offset(0)] as state, max(start) as seen
from mydataset.spans where json_value(json_payload, '$."circuit_breaker.name"') is not null
group by breaker having state <> 'closed'
order by breaker;
