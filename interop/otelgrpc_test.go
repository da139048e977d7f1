package interop

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/slogtrace/slogtrace"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// A grpcServer has a method of each kind.
type grpcServer struct {
	pb.UnimplementedTestServiceServer
}

func (grpcServer) EmptyCall(ctx context.Context, _ *pb.Empty) (*pb.Empty, error) {
	ctx, span := slogtrace.Start(ctx, "work")
	defer span.End()
	slogtrace.Logger(ctx).InfoContext(ctx, "worked")
	return &pb.Empty{}, nil
}

func (grpcServer) UnaryCall(_ context.Context, in *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	return nil, status.Error(codes.Code(in.ResponseStatus.Code), in.ResponseStatus.Message)
}

func (grpcServer) StreamingInputCall(s grpc.ClientStreamingServer[pb.StreamingInputCallRequest, pb.StreamingInputCallResponse]) error {
	n := int32(0)
	for {
		if _, err := s.Recv(); err == io.EOF {
			return s.SendAndClose(&pb.StreamingInputCallResponse{AggregatedPayloadSize: n})
		} else if err != nil {
			return err
		}
		n++
	}
}

func (grpcServer) StreamingOutputCall(in *pb.StreamingOutputCallRequest, s grpc.ServerStreamingServer[pb.StreamingOutputCallResponse]) error {
	for range in.ResponseParameters {
		if err := s.Send(&pb.StreamingOutputCallResponse{}); err != nil {
			return err
		}
	}
	return status.Error(codes.Internal, "the printer is broken")
}

func (grpcServer) FullDuplexCall(s grpc.BidiStreamingServer[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]) error {
	for {
		if _, err := s.Recv(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		_, span := slogtrace.Start(s.Context(), "message")
		err := s.Send(&pb.StreamingOutputCallResponse{})
		span.End(&err)
		if err != nil {
			return err
		}
	}
}

// A stream is one span on each side. A client fails with any status but OK; a server with those that are its own failures.
func TestOTelGRPC(t *testing.T) {
	u := newOTelUser(nil)
	opts := []otelgrpc.Option{otelgrpc.WithTracerProvider(u.provider), otelgrpc.WithPropagators(u.propagator)}
	server := grpc.NewServer(grpc.StatsHandler(otelgrpc.NewServerHandler(opts...)))
	pb.RegisterTestServiceServer(server, grpcServer{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }() // until GracefulStop
	defer server.Stop()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler(opts...)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := pb.NewTestServiceClient(conn)

	ctx, err := slogtrace.WithBaggage(t.Context(), "tenant", "acme")
	if err != nil {
		t.Fatal(err)
	}
	u.in(ctx, "book", func(ctx context.Context) {
		if _, err := client.EmptyCall(ctx, &pb.Empty{}); err != nil {
			t.Error(err)
		}
		for _, code := range []codes.Code{codes.NotFound, codes.Unavailable} {
			_, err := client.UnaryCall(ctx, &pb.SimpleRequest{ResponseStatus: &pb.EchoStatus{Code: int32(code), Message: "no " + code.String()}})
			if status.Code(err) != code {
				t.Errorf("error %v", err)
			}
		}
		in, err := client.StreamingInputCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := in.Send(&pb.StreamingInputCallRequest{}); err != nil {
				t.Error(err)
			}
		}
		if reply, err := in.CloseAndRecv(); err != nil || reply.AggregatedPayloadSize != 3 {
			t.Errorf("%v, error %v", reply, err)
		}
		out, err := client.StreamingOutputCall(ctx, &pb.StreamingOutputCallRequest{ResponseParameters: make([]*pb.ResponseParameters, 2)})
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = out.Recv()
		}
		if status.Code(err) != codes.Internal {
			t.Errorf("error %v", err)
		}
		both, err := client.FullDuplexCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			serr := both.Send(&pb.StreamingOutputCallRequest{})
			_, err := both.Recv()
			if err := errors.Join(serr, err); err != nil {
				t.Error(err)
			}
		}
		if err := both.CloseSend(); err != nil {
			t.Error(err)
		}
		if _, err := both.Recv(); err != io.EOF {
			t.Errorf("error %v", err)
		}
	})
	server.GracefulStop() // a client may have its answer before the server's span has ended
	u.check(t, `book tenant="acme"
  grpc.testing.TestService/EmptyCall [client] tenant="acme" rpc.response.status_code="OK"
    grpc.testing.TestService/EmptyCall [server] tenant="acme" rpc.response.status_code="OK"
      work tenant="acme"
        · worked "acme"
  grpc.testing.TestService/UnaryCall [client] tenant="acme" rpc.response.status_code="NOT_FOUND" ✗ no NotFound
    grpc.testing.TestService/UnaryCall [server] tenant="acme" rpc.response.status_code="NOT_FOUND"
  grpc.testing.TestService/UnaryCall [client] tenant="acme" rpc.response.status_code="UNAVAILABLE" ✗ no Unavailable
    grpc.testing.TestService/UnaryCall [server] tenant="acme" rpc.response.status_code="UNAVAILABLE" ✗ no Unavailable
  grpc.testing.TestService/StreamingInputCall [client] tenant="acme" rpc.response.status_code="OK"
    grpc.testing.TestService/StreamingInputCall [server] tenant="acme" rpc.response.status_code="OK"
  grpc.testing.TestService/StreamingOutputCall [client] tenant="acme" rpc.response.status_code="INTERNAL" ✗ the printer is broken
    grpc.testing.TestService/StreamingOutputCall [server] tenant="acme" rpc.response.status_code="INTERNAL" ✗ the printer is broken
  grpc.testing.TestService/FullDuplexCall [client] tenant="acme" rpc.response.status_code="OK"
    grpc.testing.TestService/FullDuplexCall [server] tenant="acme" rpc.response.status_code="OK"
      message tenant="acme"
      message tenant="acme"
`, "tenant", "rpc.response.status_code")
}
