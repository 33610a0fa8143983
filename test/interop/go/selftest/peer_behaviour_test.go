package selftest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDirectMessagesNeedTrust(t *testing.T) {
	cells := []struct {
		program, capability string
		list                bool
	}{{"geth", "shh/6", false}, {"statusgo", "shh/6", false}, {"statusgo", "shh/6", true}, {"statusgo", "waku/0", true}}
	for _, cell := range cells {
		t.Run(fmt.Sprintf("%s %s list %v", cell.program, cell.capability, cell.list), func(t *testing.T) {
			sender := launch(t, cell.program, object{"capability": cell.capability})
			receiver := launch(t, cell.program, object{"capability": cell.capability, "report": object{"packets": true}})
			connect(sender, receiver, cell.capability)
			receiver.do(object{"cmd": "subscribe", "password": password, "topics": []string{"direct"}})
			var hashes, bodies []string
			for i := 0; i < 2; i++ {
				made := sender.do(object{
					"cmd": "post", "send": false, "raw": true, "password": password, "topic": "direct", "text": fmt.Sprint(i), "pow": 0,
					"sent": int(time.Now().Unix()) - 7200,
				})
				body := strings.TrimPrefix(texts(made["envelopes"])[0], "0x")
				if cell.list {
					body = fmt.Sprintf("f9%04x%s", len(body)/2, body)
				}
				hashes, bodies = append(hashes, texts(made["hashes"])...), append(bodies, body)
			}
			sender.do(object{"cmd": "packet", "peer": receiver.key(), "code": 127, "body": bodies[0]})
			sender.do(object{"cmd": "packet", "peer": receiver.key(), "code": 100, "body": "0xc0"}) // unknown: read once the first is dealt with
			receiver.awaitEvent("packet", object{"dir": "in", "code": float64(100)})
			receiver.do(object{"cmd": "trust", "enode": sender.ready["enode"]})
			sender.do(object{"cmd": "packet", "peer": receiver.key(), "code": 127, "body": bodies[1]})
			receiver.awaitEvent("message", object{"hash": hashes[1]})
			if messages := receiver.all("message"); len(messages) != 1 {
				t.Errorf("%d messages came through", len(messages))
			}
		})
	}
}

func TestStatusForms(t *testing.T) {
	cells := []struct {
		program string
		start   object
		status  string
	}{
		{"geth", object{"bloom": "full"}, "0xf84d06883f60624dd2f1a9fcb840" + strings.Repeat("ff", 64) + "80"},
		{"geth", object{"role": "light"}, "0xcc06883f60624dd2f1a9fc8001"},
		{"statusgo", object{"capability": "shh/6"}, "0xd106883f60624dd2f1a9fc808001c3808080"},
		{"statusgo", object{"capability": "waku/0"}, "0xf85280883f60624dd2f1a9fcb840" + strings.Repeat("ff", 64) + "8001c3808080"},
		{"statusgo", object{"capability": "waku/0", "role": "light", "confirmations": false, "rateLimits": object{"ip": 10, "peer": 5}},
			"0xd180883f60624dd2f1a9fc800180c30a0580"},
	}
	for _, cell := range cells {
		t.Run(fmt.Sprintf("%s %v", cell.program, cell.start), func(t *testing.T) {
			speaker := launch(t, cell.program, cell.start)
			capability := texts(speaker.ready["capabilities"])[0]
			listener := launch(t, cell.program, object{"capability": capability})
			connect(listener, speaker, capability)
			if status := listener.awaitEvent("peer", nil)["status"]; status != cell.status {
				t.Errorf("status is %v", status)
			}
		})
	}
}

func TestDisconnectAndDialAgain(t *testing.T) {
	for _, program := range []string{"geth", "statusgo"} {
		t.Run(program, func(t *testing.T) {
			a := launch(t, program, object{"capability": "shh/6"})
			b := launch(t, program, object{"capability": "shh/6"})
			for round := 1; round <= 3; round++ {
				a.do(object{"cmd": "dial", "enode": b.ready["enode"]})
				b.awaitCount("peer", round)
				a.do(object{"cmd": "disconnect", "peer": b.key()})
				a.awaitCount("peer-down", round)
				b.awaitCount("peer-down", round)
			}
			if reasons := b.all("peer-down"); reasons[0]["reason"] != "disconnect requested" {
				t.Errorf("reason is %v", reasons[0]["reason"])
			}
		})
	}
}

func TestPoolIsWhatWasPosted(t *testing.T) {
	for _, program := range []string{"geth", "statusgo"} {
		a := launch(t, program, object{"capability": "shh/6"})
		posted := a.do(object{"cmd": "post", "password": password, "topic": "0x01020304", "payload": "0xff00", "count": 2})
		pool := texts(a.do(object{"cmd": "pool"})["hashes"])
		hashes := texts(posted["hashes"])
		slices.Sort(pool)
		slices.Sort(hashes)
		if !slices.Equal(pool, hashes) {
			t.Errorf("pool %v, posted %v", pool, hashes)
		}
	}
}
