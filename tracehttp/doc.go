// Package tracehttp traces net/http: servers, clients, and other users of headers.
//
//	mux := http.NewServeMux()
//	mux.HandleFunc("GET /bookings/{id}", showBooking)
//	http.ListenAndServe(":8080", tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{
//		Trust: func(*http.Request) tracehttp.Trust { return tracehttp.TrustIgnore }, // strangers cannot choose the trace here
//	}))
//
//	client := &http.Client{Transport: tracehttp.NewTransport(nil, &tracehttp.TransportOptions{
//		TraceHosts: []string{"*.internal"}, // no other host gets the ids
//	})}
//
// A request is a span in each service that it passes through, and all of these spans form one trace:
//
//	{…,"msg":"span end","op":"GET /bookings/{id}","kind":"server","duration_ms":1.2,"http.request.method":"GET","http.route":"/bookings/{id}",…,"http.response.status_code":200}
//
// The docs of [NewHandler] and [NewTransport] list what they write. Use [Inject] and [Extract] for other messages,
// [SetRoute] for routers other than [http.ServeMux], [RequestID] for the ids that people search for,
// and [Error] to answer with an error that names its trace.
//
// # The public edge, and behind it
//
// Headers contain whatever their sender writes. The server above can be reached by strangers, so it begins a trace
// for each request. Use [TrustLink] there if the clients' traces are of use to you. Behind the edge, where only your own
// services call, use [TrustContinue], which nil options mean:
//
//	tracehttp.NewHandler(mux, nil)
//
// Without it each service has traces of its own. [Trust] explains why it is not for the edge.
//
// In the other direction, a client sends the ids, tracestate and request ids to all hosts, or only to
// [TransportOptions.TraceHosts]. It sends baggage only to hosts that are also in [TransportOptions.BaggageHosts],
// and [slogtrace.With]'s attributes to nobody.
// Data that may hold a secret, the query and the headers, is logged only if an option names it.
//
// Malformed headers, and floods of them, never fail a request. What is ignored costs one record at level Debug.
package tracehttp
