// fake_device serves scripted SubscribeResponses with OpenConfig's own fake gNMI server, over TLS
// and with a login if asked. Each script is a serialized fake.Config; a device listens for each.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"os"

	fakegnmi "github.com/openconfig/gnmi/testing/fake/gnmi"
	fpb "github.com/openconfig/gnmi/testing/fake/proto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
)

var (
	pem   = flag.String("pem", "", "file with key and certificate; none = no TLS")
	login = flag.String("login", "", "USER:PASSWORD that a client must give")
)

// allowed checks the metadata that gNMI clients send.
func allowed(ctx context.Context) error {
	given, _ := metadata.FromIncomingContext(ctx)
	first := func(name string) string {
		if values := given.Get(name); len(values) > 0 {
			return values[0]
		}
		return ""
	}
	if *login != "" && first("username")+":"+first("password") != *login {
		return status.Error(codes.Unauthenticated, "access denied")
	}
	return nil
}

func serve(script string) (string, error) {
	text, err := os.ReadFile(script)
	if err != nil {
		return "", err
	}
	config := &fpb.Config{}
	if err := prototext.Unmarshal(text, config); err != nil {
		return "", err
	}
	options := []grpc.ServerOption{
		grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			if err := allowed(stream.Context()); err != nil {
				return err
			}
			return handler(srv, stream)
		}),
	}
	if *pem != "" {
		pair, err := tls.LoadX509KeyPair(*pem, *pem)
		if err != nil {
			return "", err
		}
		options = append(options, grpc.Creds(credentials.NewServerTLSFromCert(&pair)))
	}
	agent, err := fakegnmi.New(config, options)
	if err != nil {
		return "", err
	}
	return agent.Address(), nil
}

func main() {
	flag.Parse()
	for _, script := range flag.Args() {
		address, err := serve(script)
		if err != nil {
			log.Fatalf("%s: %v", script, err)
		}
		fmt.Println(address)
	}
	fmt.Println("ready")
	select {}
}
