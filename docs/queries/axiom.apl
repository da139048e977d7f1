// Axiom, APL. Not run: written from Axiom's documentation. Put your dataset's name in place of ['logs'].
//
// The lines have the names of the preset Axiom: trace_id, span_id, name, parent_span_id, duration in nanoseconds,
// error (true), status.message, service.name.

// Lines of a logger that writes the ids into a member "prefix", as in "[trace:4bf9… span:00f0… op:charge]", need this
// before the rest of each question:
//   ['logs']
//   | extend trace_id = coalesce(trace_id, extract(@"trace:([0-9a-f]{32})", 1, prefix)), span_id = coalesce(span_id, extract(@"span:([0-9a-f]{16})", 1, prefix)), name = coalesce(name, extract(@"op:([^\s\]]+)", 1, prefix))

// 1. All operations of a flow: of the traces in which the booking was mentioned.
['logs']
| where msg == "span end" and trace_id in ((['logs'] | where ['booking.reference'] == "b-000000000000" | distinct trace_id))
| project start, trace_id, ['service.name'], name, kind, duration_ms = duration / 1e6, ['status.message']
| order by start asc

// 2. Failed calls of the calendar, with the root of their trace.
['logs']
| where msg == "span end" and name == "calendar.reserve" and error == true
| project start, trace_id, failure = ['status.message'], duration_ms = duration / 1e6
| join kind=leftouter (['logs'] | where msg == "span end" and isempty(parent_span_id) | project trace_id, root = name, root_service = ['service.name'], root_failure = ['status.message']) on trace_id
| order by start asc

// 3. How long a flow takes from end to end, waiting included: p95 per hour.
['logs']
| where msg == "span end" and isnull(sampled)
| summarize begin = min(todatetime(start)), finish = max(_time) by trace_id
| extend ms = (finish - begin) / 1ms
| summarize flows = count(), p95_ms = percentile(ms, 95) by hour = bin(begin, 1h)
| order by hour asc

// 4. Traces that failed in the last hour, the newest first.
['logs']
| where _time > ago(1h) and msg == "span end" and error == true
| summarize last = max(_time), failed_spans = count(), arg_min(_time, name, ['status.message']) by trace_id
| order by last desc

// 5. The slowest operations.
['logs']
| where msg == "span end" and isnull(sampled)
| extend ms = duration / 1e6
| summarize spans = count(), failed = countif(error == true), p50_ms = percentile(ms, 50), p95_ms = percentile(ms, 95), max_ms = max(ms) by name
| top 20 by p95_ms

// 6. What waits in queues: jobs that no worker has begun, the oldest first.
['logs']
| where msg == "span end" and kind == "producer" and isnull(error)
| join kind=leftanti (['logs'] | where msg == "span end" and isnotempty(parent_span_id) | project span_id = parent_span_id) on span_id
| project start, trace_id, span_id, name
| order by start asc

// 7. How long jobs waited until a worker began them.
['logs']
| where msg == "span end" and isnotnull(queued_ms) and isnull(sampled)
| summarize jobs = count(), p95_ms = percentile(queued_ms, 95), max_ms = max(queued_ms) by name
| order by p95_ms desc

// 8. Circuit breakers that are not closed, by the last span that says so.
['logs']
| where msg == "span end" and isnotempty(['circuit_breaker.name'])
| summarize arg_max(_time, ['circuit_breaker.state']) by ['circuit_breaker.name']
| where ['circuit_breaker.state'] != "closed"
