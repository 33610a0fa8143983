package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
)

const (
	packetsProtocol = "/waku/1/packets/1.0.0"
	codeMessages    = 1
)

// stay has phones connect and say nothing more, until they are told to leave.
func (r *result) stay(o options, there func(), ended <-chan struct{}) error {
	at, err := multiaddr.NewMultiaddr(o.Target)
	if err != nil {
		return err
	}
	server, err := peer.AddrInfoFromP2pAddr(at)
	if err != nil {
		return err
	}
	frame, err := hex.DecodeString(o.Frame)
	if err != nil {
		return err
	}
	numbers := make(chan int)
	var coming sync.WaitGroup
	for range o.Parallel {
		coming.Add(1)
		go func() {
			defer coming.Done()
			for number := range numbers {
				if err := r.come(o, number, *server, frame); err != nil {
					r.failed(err)
				}
			}
		}()
	}
	for number := range o.Stay {
		numbers <- number
	}
	close(numbers)
	coming.Wait()
	there()
	<-ended
	return nil
}

// come connects one phone; it stays as long as the program.
func (r *result) come(o options, number int, server peer.AddrInfo, frame []byte) error {
	h, err := newHost(o, number)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	started := time.Now()
	for err := h.Connect(ctx, server); err != nil; err = h.Connect(ctx, server) {
		if ctx.Err() != nil {
			return err
		}
		r.mu.Lock()
		r.Refused++
		r.mu.Unlock()
		time.Sleep(again)
	}
	if len(frame) > 0 {
		stream, err := h.NewStream(ctx, server.ID, packetsProtocol)
		if err != nil {
			return err
		}
		if _, err := stream.Write(frame); err != nil {
			return err
		}
		phone := &libp2pPhone{host: h, stream: stream, in: bufio.NewReaderSize(stream, 256)}
		// its Status: from then on it is a peer like any other
		if _, _, err := phone.next(); err != nil {
			return err
		}
		go r.listen(phone)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Dials = append(r.Dials, since(started))
	return nil
}

// listen notes when Messages come.
func (r *result) listen(phone *libp2pPhone) {
	for {
		code, _, err := phone.next()
		if err != nil {
			return
		}
		if code == codeMessages {
			r.mu.Lock()
			r.Heard = append(r.Heard, float64(time.Now().UnixMicro())/1000)
			r.mu.Unlock()
		}
	}
}
