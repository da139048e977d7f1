-- ClickHouse 24 or later. These queries are run in a test on the logs of the booking example.
--
-- The lines have the names of slogtrace's own schema (docs/records.md).
-- A line that a shipper delivered twice counts twice here. `slogtrace stats` counts it once.

-- 0. A table and a view, which the questions need. clickhouse-client loads a file of lines with
--    insert into logs (line) from infile 'app.log' format JSONAsString
create table if not exists logs (
    line String,
    msg LowCardinality(String) materialized JSONExtractString(line, 'msg'),
    time DateTime64(9, 'UTC') materialized parseDateTime64BestEffort(JSONExtractString(line, 'time'), 9, 'UTC'),
    trace String materialized JSONExtractString(line, 'trace')
) engine = MergeTree order by (time, trace);
create view if not exists spans as
select
    trace, JSONExtractString(line, 'span') as span, nullIf(JSONExtractString(line, 'parent'), '') as parent, JSONExtractString(line, 'op') as op,
    if(JSONHas(line, 'kind'), JSONExtractString(line, 'kind'), 'internal') as kind, JSONExtractString(line, 'service') as service,
    parseDateTime64BestEffort(JSONExtractString(line, 'start'), 9, 'UTC') as start,
    JSONExtractFloat(line, 'duration_ms') as duration_ms,
    if(JSONHas(line, 'error'), JSONExtractString(line, 'error'), null) as error,
    if(JSONHas(line, 'queued_ms'), JSONExtractFloat(line, 'queued_ms'), null) as queued_ms,
    not JSONHas(line, 'sampled') as sampled, -- false: written because it failed, see docs/records.md, "Sampling"
    line
from logs
where msg = 'span end' and trace <> '';

-- 1. All operations of a flow: of the traces in which the booking was mentioned.
select start, trace, service, op, kind, duration_ms, error
from spans
where trace in (select trace from logs where JSONExtractString(line, 'booking.reference') = 'b-000000000000' and trace <> '')
order by start, duration_ms desc;

-- 2. Failed calls of the calendar, with the root of their trace.
select c.start as start, c.trace as trace, c.error as error, c.duration_ms as duration_ms, r.service as root_service, r.op as root, r.error as root_error
from (select * from spans where op = 'calendar.reserve' and error is not null) as c
left join (select * from spans where parent is null) as r on r.trace = c.trace
order by start;

-- 3. How long a flow takes from end to end, waiting included: p95 per hour.
select toStartOfHour(begin) as hour, count() as flows, quantileExactLow(0.95)(ms) as p95_ms
from (
    select trace, min(start) as begin,
        (max(toUnixTimestamp64Nano(start) + toInt64(round(duration_ms * 1e6))) - min(toUnixTimestamp64Nano(start))) / 1e6 as ms
    from spans where sampled group by trace
)
group by hour order by hour;

-- 4. Traces that failed in the last hour, the newest first.
select max(start) as last, trace, count() as failed_spans, argMin(op, start) as first_op, argMin(error, start) as first_error
from spans
where error is not null and start > now64(9) - interval 1 hour
group by trace order by last desc;

-- 5. The slowest operations.
select op, count() as spans, count(error) as failed,
    quantileExactLow(0.5)(duration_ms) as p50_ms, quantileExactLow(0.95)(duration_ms) as p95_ms, max(duration_ms) as max_ms
from spans where sampled
group by op order by p95_ms desc limit 20;

-- 6. What waits in queues: jobs that no worker has begun, the oldest first.
select start as since, trace, span, op
from spans
where kind = 'producer' and error is null and (trace, span) not in (select trace, assumeNotNull(parent) from spans where parent is not null)
order by since;

-- 7. How long jobs waited until a worker began them.
select op, count() as jobs, quantileExactLow(0.95)(queued_ms) as p95_ms, max(queued_ms) as max_ms
from spans where queued_ms is not null and sampled
group by op order by p95_ms desc;

-- 8. Circuit breakers that are not closed, by the last span that says so.
select JSONExtractString(line, 'circuit_breaker.name') as breaker, argMax(JSONExtractString(line, 'circuit_breaker.state'), start) as state, max(start) as seen
from spans where breaker <> ''
group by breaker having state <> 'closed'
order by breaker;
