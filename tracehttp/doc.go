// Package tracehttp traces net/http: servers, clients, and whatever else carries headers.
//
//	mux := http.NewServeMux()
//	mux.HandleFunc("GET /bookings/{id}", showBooking)
//	http.ListenAndServe(":8080", tracehttp.NewHandler(mux, nil))
//
//	client := &http.Client{Transport: tracehttp.NewTransport(nil, nil)}
//
// A request is a span in each service that it passes through, and all of them are one trace:
//
//	{…,"msg":"span end","op":"GET /bookings/{id}","kind":"server","duration_ms":1.2,"http.request.method":"GET","http.route":"/bookings/{id}",…,"http.response.status_code":200}
//
// [NewHandler] and [NewTransport] say what they write, [Inject] and [Extract] are for messages that neither sends,
// [Error] answers with an error that names its trace.
//
// # The public edge
//
// Headers are whatever their sender writes. Where strangers can reach a server, say so:
//
//	tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{
//		Trust: func(r *http.Request) tracehttp.Trust { return tracehttp.Link },
//	})
//
// [Trust] says why. In the other direction, a client sends the ids, and tracestate, to whomever it calls, baggage only
// where [TransportOptions.BaggageHosts] says so, and [slogtrace.With]'s attributes to nobody.
// What may hold a secret, the query and the headers, is logged only where an option names it.
//
// Malformed headers, and floods of them, never fail a request: what is not taken costs one record at level Debug.
package tracehttp
