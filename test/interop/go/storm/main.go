// Many phones at once, for the benchmark of what one of them costs a server: each is a new identity that connects, asks what
// it was told to ask, reads the answer and leaves.
package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"sync"
	"time"
)

// patience is how long one phone may take.
const patience = 30 * time.Second

// again is when a phone comes again that was refused.
const again = 100 * time.Millisecond

// errRefused is a connection that was closed before the server said anything.
var errRefused = errors.New("refused")

// options come as one JSON object on standard input.
type options struct {
	// "libp2p" or "devp2p".
	Network string `json:"network"`
	// A multiaddr with a peer id, or an enode URL.
	Target string `json:"target"`
	// What each phone sends, hex: a frame of the mailserver protocol, or the body of a 0x7e. Empty: it connects and leaves.
	Requests []string `json:"requests"`
	// The body of the Status that precedes a request over devp2p, hex.
	Status string `json:"status"`
	// Phones at a time.
	Parallel int `json:"parallel"`
	// Local addresses that they come from: 127.0.0.2 and up.
	Addresses int `json:"addresses"`
	// Instead, so many phones connect, send this frame on a packets stream of each (hex; empty: none), and stay until standard
	// input ends; a line says when they are all there, and what came to them is in the result.
	Stay  int    `json:"stay"`
	Frame string `json:"frame"`
	// Instead, one phone sends the requests so many milliseconds apart, until standard input ends.
	Every int `json:"every"`
}

// result goes to standard output as one JSON object.
type result struct {
	// From the first dial to the last answer.
	Ms float64 `json:"ms"`
	// Milliseconds of each connection, and of each answer.
	Dials   []float64 `json:"dials"`
	Answers []float64 `json:"answers"`
	// When each phone that stayed heard of an envelope, in milliseconds of the Unix clock.
	Heard []float64 `json:"heard"`
	// Bytes of history.
	Bytes int `json:"bytes"`
	// Connections that the server closed at once: the phone comes again a little later.
	Refused int `json:"refused"`
	// What became of those that failed.
	Failures []string `json:"failures"`

	mu sync.Mutex
}

// phone is one connection.
type phone interface {
	// ask sends a request and reads its answer: how many bytes of history came.
	ask(request []byte) (int, error)
	leave()
}

// makePhone prepares what costs the phone alone; the call that comes back connects.
type makePhone func(number int) (connect func() (phone, error), err error)

func main() {
	log.SetOutput(os.Stderr)
	var o options
	in := json.NewDecoder(os.Stdin)
	if err := in.Decode(&o); err != nil {
		log.Fatal(err)
	}
	requests := make([][]byte, len(o.Requests))
	for i, text := range o.Requests {
		var err error
		if requests[i], err = hex.DecodeString(text); err != nil {
			log.Fatal(err)
		}
	}
	prepare, err := phonesOf(o)
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		var rest any
		in.Decode(&rest)
		close(ended)
	}()
	r := &result{Dials: []float64{}, Answers: []float64{}, Heard: []float64{}, Failures: []string{}}
	out := json.NewEncoder(os.Stdout)
	started := time.Now()
	if o.Stay > 0 {
		if err := r.stay(o, func() { fmt.Println("there") }, ended); err != nil {
			log.Fatal(err)
		}
	} else if o.Every > 0 {
		r.stayed(prepare, requests, time.Duration(o.Every)*time.Millisecond, ended)
	} else {
		r.stormed(prepare, requests, o.Parallel)
	}
	r.Ms = since(started)
	if err := out.Encode(r); err != nil {
		log.Fatal(err)
	}
}

func phonesOf(o options) (makePhone, error) {
	switch o.Network {
	case "libp2p":
		return libp2pPhones(o)
	case "devp2p":
		return devp2pPhones(o)
	}
	return nil, errors.New("network is libp2p or devp2p")
}

// stormed lets one phone for each request come, some at a time.
func (r *result) stormed(prepare makePhone, requests [][]byte, parallel int) {
	next := make(chan int)
	var wait sync.WaitGroup
	for range parallel {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for number := range next {
				if err := r.one(prepare, number, requests[number]); err != nil {
					r.failed(err)
				}
			}
		}()
	}
	for number := range requests {
		next <- number
	}
	close(next)
	wait.Wait()
}

func (r *result) one(prepare makePhone, number int, request []byte) error {
	connect, err := prepare(number)
	if err != nil {
		return err
	}
	started := time.Now()
	phone, err := connect()
	for errors.Is(err, errRefused) && time.Since(started) < patience {
		r.mu.Lock()
		r.Refused++
		r.mu.Unlock()
		time.Sleep(again)
		phone, err = connect()
	}
	if err != nil {
		return err
	}
	defer phone.leave()
	dialled := since(started)
	r.mu.Lock()
	r.Dials = append(r.Dials, dialled)
	r.mu.Unlock()
	if len(request) == 0 {
		return nil
	}
	return r.ask(phone, request)
}

func (r *result) ask(phone phone, request []byte) error {
	started := time.Now()
	bytes, err := phone.ask(request)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Answers = append(r.Answers, since(started))
	r.Bytes += bytes
	return nil
}

// stayed is one phone that asks again and again.
func (r *result) stayed(prepare makePhone, requests [][]byte, every time.Duration, ended chan struct{}) {
	connect, err := prepare(0)
	if err != nil {
		r.failed(err)
		return
	}
	phone, err := connect()
	if err != nil {
		r.failed(err)
		return
	}
	defer phone.leave()
	clock := time.NewTicker(every)
	defer clock.Stop()
	for _, request := range requests {
		select {
		case <-clock.C:
		case <-ended:
			return
		}
		if err := r.ask(phone, request); err != nil {
			r.failed(err)
			return
		}
	}
}

func (r *result) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Failures = append(r.Failures, err.Error())
}

func since(started time.Time) float64 {
	return float64(time.Since(started).Microseconds()) / 1000
}

// dialer binds a phone to one of the addresses that they share.
func dialer(o options, number int) *net.Dialer {
	if o.Addresses == 0 {
		return &net.Dialer{}
	}
	host := 2 + number%o.Addresses
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(host>>8), byte(host))}}
}
