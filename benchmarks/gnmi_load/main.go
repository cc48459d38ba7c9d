// gnmi_load serves gNMI targets, a port for each, that send the same leaves once a second: powers
// of ports, so many leaves in a notification. Timestamps are those of sending.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math/rand"
	"net"
	"time"

	gpb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc"
)

var (
	port    = flag.Int("port", 20000, "of the first target")
	targets = flag.Int("targets", 1000, "how many")
	leaves  = flag.Int("leaves", 50, "of a target")
	each    = flag.Int("each", 5, "leaves in a notification, at most those of one port")
)

// leavesOfAPort are those of one port, below its state.
var leavesOfAPort = [][]string{
	{"input-power", "instant"},
	{"input-power", "avg"},
	{"output-power", "instant"},
	{"output-power", "avg"},
	{"output-power", "min"},
}

type device struct{ gpb.UnimplementedGNMIServer }

func elements(names ...string) []*gpb.PathElem {
	var path []*gpb.PathElem
	for _, name := range names {
		path = append(path, &gpb.PathElem{Name: name})
	}
	return path
}

func notifications() []*gpb.Notification {
	var all []*gpb.Notification
	for first := 0; first < *leaves; first += *each {
		place := elements("components", "component", "port", "optical-port", "state")
		place[1].Key = map[string]string{"name": fmt.Sprintf("port-1-line-%d", first/len(leavesOfAPort))}
		one := &gpb.Notification{Prefix: &gpb.Path{Elem: place}}
		for i := first; i < first+*each && i < *leaves; i++ {
			one.Update = append(one.Update, &gpb.Update{
				Path: &gpb.Path{Elem: elements(leavesOfAPort[i%len(leavesOfAPort)]...)},
				Val:  &gpb.TypedValue{},
			})
		}
		all = append(all, one)
	}
	return all
}

// Capabilities is what some clients ask for first.
func (device) Capabilities(context.Context, *gpb.CapabilityRequest) (*gpb.CapabilityResponse, error) {
	return &gpb.CapabilityResponse{
		SupportedEncodings: []gpb.Encoding{gpb.Encoding_PROTO},
		GNMIVersion:        "0.10.0",
	}, nil
}

// Subscribe sends all leaves at once, at a phase of its own in each second.
func (device) Subscribe(stream gpb.GNMI_SubscribeServer) error {
	if _, err := stream.Recv(); err != nil {
		return err
	}
	sync := &gpb.SubscribeResponse{Response: &gpb.SubscribeResponse_SyncResponse{SyncResponse: true}}
	if err := stream.Send(sync); err != nil {
		return err
	}
	select {
	case <-time.After(time.Duration(rand.Int63n(int64(time.Second)))):
	case <-stream.Context().Done():
		return nil
	}
	all := notifications()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		for _, one := range all {
			one.Timestamp = time.Now().UnixNano()
			for _, update := range one.Update {
				update.Val.Value = &gpb.TypedValue_DoubleVal{DoubleVal: -float64(rand.Intn(3000)) / 100}
			}
			response := &gpb.SubscribeResponse{Response: &gpb.SubscribeResponse_Update{Update: one}}
			if err := stream.Send(response); err != nil {
				return err
			}
		}
		select {
		case <-second.C:
		case <-stream.Context().Done():
			return nil
		}
	}
}

func main() {
	flag.Parse()
	server := grpc.NewServer()
	gpb.RegisterGNMIServer(server, device{})
	for i := 0; i < *targets; i++ {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port+i))
		if err != nil {
			log.Fatal(err)
		}
		go server.Serve(listener)
	}
	fmt.Println("ready")
	select {}
}
