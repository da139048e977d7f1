// Package tracehttp traces net/http: servers, clients, and whatever else carries headers.
//
//	mux := http.NewServeMux()
//	mux.HandleFunc("GET /bookings/{id}", showBooking)
//	http.ListenAndServe(":8080", tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{
//		Trust: func(*http.Request) tracehttp.Trust { return tracehttp.TrustIgnore }, // strangers name no traces here
//	}))
//
//	client := &http.Client{Transport: tracehttp.NewTransport(nil, &tracehttp.TransportOptions{
//		TraceHosts: []string{"*.internal"}, // nobody else gets to see the ids
//	})}
//
// A request is a span in each service that it passes through, and all of them are one trace:
//
//	{…,"msg":"span end","op":"GET /bookings/{id}","kind":"server","duration_ms":1.2,"http.request.method":"GET","http.route":"/bookings/{id}",…,"http.response.status_code":200}
//
// [NewHandler] and [NewTransport] say what they write, [Inject] and [Extract] are for messages that neither sends,
// [SetRoute] is for routers other than [http.ServeMux], [RequestID] for the ids that people search for,
// [Error] answers with an error that names its trace.
//
// # The public edge, and behind it
//
// Headers are whatever their sender writes. The server above is one that strangers can reach: it begins a trace
// for each request. Use [TrustLink] there where the clients' traces are of use to you. Behind the edge, where only your own
// services call, use [TrustContinue], which is what nil options mean:
//
//	tracehttp.NewHandler(mux, nil)
//
// Without it each service has traces of its own. [Trust] says why it is not for the edge.
//
// In the other direction, a client sends the ids, tracestate and request ids to all hosts, or to those of
// [TransportOptions.TraceHosts], baggage only where [TransportOptions.BaggageHosts] says so too,
// and [slogtrace.With]'s attributes to nobody.
// What may hold a secret, the query and the headers, is logged only where an option names it.
//
// Malformed headers, and floods of them, never fail a request: what is not taken costs one record at level Debug.
package tracehttp
