// Package selftest runs the interop peers against each other, over real connections.
package selftest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const patience = 20 * time.Second

type object = map[string]any

// peer is a running program.
type peer struct {
	t     *testing.T
	name  string
	stdin io.WriteCloser
	ready object

	mu     sync.Mutex
	more   *sync.Cond
	events []object
	ended  bool
	next   int
}

// launch starts a program and its node.
func launch(t *testing.T, program string, start object) *peer {
	t.Helper()
	bin := os.Getenv("INTEROP_BIN")
	if bin == "" {
		bin = filepath.Join("..", "..", "..", "..", "build", "interop")
	}
	cmd := exec.Command(filepath.Join(bin, "interop-"+program))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, name: program, stdin: stdin}
	p.more = sync.NewCond(&p.mu)
	go p.read(stdout)
	t.Cleanup(func() {
		stdin.Close()
		timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s ended with %v", program, err)
		}
		timer.Stop()
	})
	message := object{"cmd": "start"}
	for name, value := range start {
		message[name] = value
	}
	p.ready = p.do(message)
	return p
}

func (p *peer) read(stdout io.Reader) {
	lines := bufio.NewReaderSize(stdout, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		var event object
		if err == nil {
			err = json.Unmarshal(line, &event)
		}
		p.mu.Lock()
		if err != nil {
			p.ended = true
		} else {
			p.events = append(p.events, event)
		}
		p.more.Broadcast()
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// await returns the first event that satisfies want, among those that came and those that will.
func (p *peer) await(what string, want func(object) bool) object {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	timer := time.AfterFunc(patience, func() { p.more.Broadcast() })
	defer timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := 0; ; {
		for ; i < len(p.events); i++ {
			if want(p.events[i]) {
				return p.events[i]
			}
		}
		if p.ended || time.Now().After(deadline) {
			p.t.Fatalf("%s: no %s", p.name, what)
		}
		p.more.Wait()
	}
}

// awaitEvent waits for an event by name and members.
func (p *peer) awaitEvent(name string, members object) object {
	p.t.Helper()
	return p.await(fmt.Sprintf("%s %v", name, members), func(event object) bool {
		if event["event"] != name {
			return false
		}
		for key, value := range members {
			if event[key] != value {
				return false
			}
		}
		return true
	})
}

// ask sends a command and returns its reply, which may be an error event.
func (p *peer) ask(command object) object {
	p.t.Helper()
	p.next++
	id := float64(p.next)
	command["id"] = id
	line, err := json.Marshal(command)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.stdin.Write(append(line, '\n')); err != nil {
		p.t.Fatal(err)
	}
	return p.await(fmt.Sprintf("reply to %s", line), func(event object) bool { return event["re"] == id })
}

// do is ask for a command that has to succeed.
func (p *peer) do(command object) object {
	p.t.Helper()
	reply := p.ask(command)
	if reply["event"] == "error" {
		p.t.Fatalf("%s: %v: %v", p.name, command["cmd"], reply["message"])
	}
	return reply
}

// key names the peer in other peers' events.
func (p *peer) key() string {
	return p.ready["peer"].(string)
}

// connect dials and waits until both libraries took the other in.
func connect(from, to *peer, capability string) {
	from.t.Helper()
	from.do(object{"cmd": "dial", "enode": to.ready["enode"]})
	from.awaitEvent("peer", object{"peer": to.key(), "capability": capability})
	to.awaitEvent("peer", object{"peer": from.key(), "capability": capability})
}

// all lists the events of a name that came so far.
func (p *peer) all(name string) (out []object) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, event := range p.events {
		if event["event"] == name {
			out = append(out, event)
		}
	}
	return out
}

func texts(value any) (out []string) {
	list, _ := value.([]any)
	for _, item := range list {
		out = append(out, item.(string))
	}
	return out
}

// awaitCount waits until that many events of a name came.
func (p *peer) awaitCount(name string, count int) {
	p.t.Helper()
	seen := 0
	p.await(fmt.Sprintf("%d × %s", count, name), func(event object) bool {
		if event["event"] == name {
			seen++
		}
		return seen == count
	})
}
