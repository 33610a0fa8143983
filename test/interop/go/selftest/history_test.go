package selftest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// fill archives count envelopes, one a second, and returns their hashes in ascending order of (sent, hash).
func fill(t *testing.T, server *peer, count int, topics ...string) (hashes []string, from, to int) {
	t.Helper()
	from = int(time.Now().Unix()) - 3600
	for i := 0; i < count; i++ {
		made := server.do(object{
			"cmd": "post", "send": false, "raw": true, "password": password, "topic": topics[i%len(topics)], "text": fmt.Sprint(i),
			"pow": 0, "ttl": 60, "sent": from + i,
		})
		server.do(object{"cmd": "archive", "envelopes": made["envelopes"]})
		hashes = append(hashes, texts(made["hashes"])...)
	}
	return hashes, from, from + count - 1
}

func TestHistoryFromGoEthereum(t *testing.T) {
	for _, client := range []string{"geth", "statusgo"} {
		for _, form := range []string{"raw8", "raw72"} {
			t.Run(client+" asks with "+form, func(t *testing.T) {
				server := launch(t, "geth", object{"mailserver": object{"password": "secret", "pow": 0.002}})
				asker := launch(t, client, object{"capability": "shh/6"})
				hashes, from, to := fill(t, server, 20, "history")
				connect(asker, server, "shh/6")
				asker.do(object{"cmd": "subscribe", "password": password, "topics": []string{"history"}})
				asker.do(object{
					"cmd": "request", "peer": server.key(), "form": form, "from": from, "to": to, "topics": []string{"history"}, "password": "secret",
				})
				for _, hash := range hashes {
					asker.awaitEvent("message", object{"hash": hash})
				}
				var seen []string
				for _, event := range asker.all("historic") {
					if event["single"] != true {
						t.Error("go-ethereum sent a list")
					}
					seen = append(seen, texts(event["hashes"])...)
				}
				if !slices.Equal(seen, hashes) {
					t.Errorf("got %d envelopes, expected %d in order", len(seen), len(hashes))
				}
			})
		}
	}
}

func TestPagedHistory(t *testing.T) {
	cells := []struct {
		capability, form string
		options          object
	}{
		{"waku/0", "enc-sg7", object{}},
		{"waku/0", "enc-sg7", object{"order": "descending"}},
		{"waku/0", "enc-sg7", object{"asymmetric": true}},
		{"waku/0", "enc-sg6", object{"forms": []string{"sg6"}}},
		{"waku/0", "plain7", object{}},
		{"shh/6", "enc-sg7", object{}},
		{"shh/6", "enc-sg6", object{"forms": []string{"sg6"}}},
		{"shh/6", "plain6", object{}},
		{"shh/6", "plain6", object{"lastAlone": false, "order": "descending"}},
	}
	for _, cell := range cells {
		t.Run(fmt.Sprintf("%s %s %v", cell.capability, cell.form, cell.options), func(t *testing.T) {
			mailserver := object{"password": "secret", "pow": 0.002}
			for name, value := range cell.options {
				mailserver[name] = value
			}
			server := launch(t, "statusgo", object{"capability": cell.capability, "mailserver": mailserver})
			client := launch(t, "statusgo", object{"capability": cell.capability})
			hashes, from, to := fill(t, server, 50, "history")
			connect(client, server, cell.capability)
			client.do(object{"cmd": "subscribe", "password": password, "topics": []string{"history"}})

			request := object{
				"cmd": "request", "peer": server.key(), "form": cell.form, "from": from, "to": to, "limit": 7, "topics": []string{"history"},
			}
			switch {
			case strings.HasPrefix(cell.form, "plain"):
			case cell.options["asymmetric"] == true:
				request["private"] = true
			default:
				request["password"] = "secret"
			}
			pages := 0
			for cursor := ""; pages == 0 || cursor != "0x"; pages++ {
				request["cursor"] = cursor
				sent := client.do(request)
				done := client.awaitEvent("complete", object{"requestId": sent["requestId"]})
				if done["error"] != nil {
					t.Fatal(done["error"])
				}
				cursor = done["cursor"].(string)
			}
			if pages != 8 {
				t.Errorf("%d pages", pages)
			}
			for _, hash := range hashes {
				client.awaitEvent("message", object{"hash": hash, "p2p": true})
			}
			var seen []string
			for _, event := range client.all("historic") {
				seen = append(seen, texts(event["hashes"])...)
			}
			if cell.options["order"] == "descending" {
				slices.Reverse(seen)
			}
			if !slices.Equal(seen, hashes) {
				t.Errorf("got %d envelopes, expected %d in order", len(seen), len(hashes))
			}
		})
	}
}

func TestTopicsAndRange(t *testing.T) {
	server := launch(t, "statusgo", object{"capability": "waku/0", "mailserver": object{"password": "secret"}})
	client := launch(t, "statusgo", object{"capability": "waku/0"})
	hashes, from, _ := fill(t, server, 12, "a", "b", "c")
	connect(client, server, "waku/0")
	for _, form := range []string{"enc-sg7", "plain7"} {
		sent := client.do(object{
			"cmd": "request", "peer": server.key(), "form": form, "from": from + 3, "to": from + 8, "topics": []string{"a", "b"}, "bloom": "none",
			"password": "secret",
		})
		done := client.awaitEvent("complete", object{"requestId": sent["requestId"]})
		if done["lastHash"] != hashes[7] || done["cursor"] != "0x" {
			t.Errorf("completed with %v", done)
		}
	}
	expected := []string{hashes[3], hashes[4], hashes[6], hashes[7]}
	for _, event := range client.all("historic") {
		if !slices.Equal(texts(event["hashes"]), expected) {
			t.Errorf("got %v", event["hashes"])
		}
	}
}

func TestRefusals(t *testing.T) {
	cells := []struct {
		name    string
		request object
		waku    string
		shh     string
	}{
		{"wrong password", object{"password": "guess"}, "failed to decrypt p2p request", "failed to decrypt p2p request"},
		{"limit 1001", object{"limit": 1001}, "request is invalid: limit exceeds the maximum allowed value", "request is invalid: limit exceeds"},
		{"from after to", object{"from": 20, "to": 10}, "query range is invalid: lower > upper", "query range is invalid: from > to"},
		{"low PoW", object{"pow": 0.0000001, "ttl": 100000}, "PoW too low", "PoW() is too low"},
		{"unsigned", object{"sign": false}, "check message signature failed: wrong signature of p2p request", "Wrong signature of p2p request"},
		{"order of the specification", object{"form": "enc-spec6t"}, "failed to decode data: ", "query range"},
		{"raw, range of two days", object{"form": "raw72", "from": 1, "to": 172801}, "failed to decode data: ", "query range too big for peer "},
		{"neither bloom nor topics", object{"topics": []string{}},
			"request is invalid: bloom filter and topics is empty", "request is invalid: bloom filter is empty"},
		{"plain, from after to", object{"form": "plain", "from": 20, "to": 10, "unchecked": true},
			"request is invalid: query range is invalid: lower > upper", "request is invalid: query range is invalid: lower > upper"},
		{"plain, limit 1001", object{"form": "plain", "limit": 1001, "unchecked": true},
			"request is invalid: limit exceeds the maximum allowed value", "request is invalid: limit exceeds"},
	}
	for _, capability := range []string{"shh/6", "waku/0"} {
		plain := map[string]string{"shh/6": "plain6", "waku/0": "plain7"}[capability]
		server := launch(t, "statusgo", object{"capability": capability, "mailserver": object{"password": "secret", "pow": 0.002}})
		client := launch(t, "statusgo", object{"capability": capability})
		connect(client, server, capability)
		for _, cell := range cells {
			t.Run(capability+" "+cell.name, func(t *testing.T) {
				request := object{
					"cmd": "request", "peer": server.key(), "form": "enc-sg7", "from": 1, "to": 0, "topics": []string{"t"}, "password": "secret",
				}
				for name, value := range cell.request {
					request[name] = value
				}
				if request["form"] == "plain" {
					request["form"] = plain
				}
				sent := client.do(request)
				done := client.awaitEvent("complete", object{"requestId": sent["requestId"]})
				expected := map[string]string{"shh/6": cell.shh, "waku/0": cell.waku}[capability]
				if text, _ := done["error"].(string); !strings.HasPrefix(text, expected) {
					t.Errorf("refused with %q", text)
				}
			})
		}
	}
}

func TestRateLimit(t *testing.T) {
	server := launch(t, "statusgo", object{"capability": "waku/0", "mailserver": object{"rateLimit": 60}})
	client := launch(t, "statusgo", object{"capability": "waku/0"})
	connect(client, server, "waku/0")
	for i, expected := range []any{nil, "rate limit exceeded"} {
		sent := client.do(object{"cmd": "request", "peer": server.key(), "form": "plain7", "from": 1, "to": 2, "topics": []string{"t"}})
		done := client.awaitEvent("complete", object{"requestId": sent["requestId"]})
		if done["error"] != expected {
			t.Errorf("request %d: %v", i, done["error"])
		}
	}
}

func TestRawRequestToStatusWhisper(t *testing.T) {
	server := launch(t, "statusgo", object{"capability": "shh/6", "mailserver": object{"password": "secret"}})
	client := launch(t, "geth", object{})
	hashes, from, to := fill(t, server, 5, "history")
	connect(client, server, "shh/6")
	client.do(object{"cmd": "subscribe", "password": password, "topics": []string{"history"}})
	client.do(object{"cmd": "request", "peer": server.key(), "form": "raw72", "from": from, "to": to, "topics": []string{"history"}, "password": "secret"})
	for _, hash := range hashes {
		client.awaitEvent("message", object{"hash": hash})
	}
	client.awaitEvent("completion", object{"peer": server.key()})
}

// go-ethereum says nothing to a request that it refuses; an allowed one after it shows that it was dealt with.
func TestGoEthereumIsSilentWhenItRefuses(t *testing.T) {
	server := launch(t, "geth", object{"mailserver": object{"password": "secret", "pow": 0.002}})
	client := launch(t, "geth", object{})
	hashes, from, to := fill(t, server, 1, "history")
	connect(client, server, "shh/6")
	ask := func(extra object) {
		request := object{"cmd": "request", "peer": server.key(), "form": "raw72", "from": from, "to": to, "bloom": "full", "password": "secret"}
		for name, value := range extra {
			request[name] = value
		}
		client.do(request)
	}
	ask(object{"password": "guess"})
	ask(object{"sign": false})
	ask(object{"pow": 0.0000001, "ttl": 100000})
	ask(nil)
	client.await("envelope", func(event object) bool {
		return event["event"] == "historic" && slices.Equal(texts(event["hashes"]), hashes)
	})
	if came := len(client.all("historic")); came != 1 {
		t.Errorf("%d envelopes came", came)
	}
}

func TestCountingAWholeArchive(t *testing.T) {
	const count = 20000
	file := t.TempDir() + "/archive.rlp"
	now := int(time.Now().Unix())
	maker := launch(t, "geth", object{})
	maker.do(object{"cmd": "generate", "file": file, "count": count, "from": now - 86400, "to": now - 60, "seed": 1})
	cells := []struct{ server, capability, form string }{
		{"statusgo", "waku/0", "enc-sg7"}, {"statusgo", "shh/6", "enc-sg7"}, {"statusgo", "waku/0", "plain7"}, {"geth", "shh/6", "raw72"},
	}
	for _, cell := range cells {
		t.Run(cell.server+" "+cell.capability+" "+cell.form, func(t *testing.T) {
			server := launch(t, cell.server, object{"capability": cell.capability, "mailserver": object{"password": "secret"}})
			client := launch(t, "statusgo", object{"capability": cell.capability})
			archived := server.do(object{"cmd": "archive", "file": file})
			if archived["total"] != float64(count) {
				t.Fatalf("archived %v", archived)
			}
			connect(client, server, cell.capability)
			counted := client.do(object{
				"cmd": "count", "peer": server.key(), "form": cell.form, "from": now - 86400, "to": now, "bloom": "full", "limit": 1000,
				"password": "secret", "verify": true, "expect": count,
			})
			if counted["error"] != nil || counted["envelopes"] != float64(count) || counted["distinct"] != float64(count) {
				t.Errorf("counted %v", counted)
			}
			t.Logf("archived in %v ms, counted %v envelopes, %v pages in %v ms", archived["ms"], counted["envelopes"], counted["pages"], counted["ms"])
		})
	}
}
