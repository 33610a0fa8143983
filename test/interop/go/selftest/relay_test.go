package selftest

import "testing"

const password = "interop"

func TestRelayOfGossip(t *testing.T) {
	cells := []struct{ from, to, capability string }{
		{"geth", "geth", "shh/6"},
		{"geth", "statusgo", "shh/6"},
		{"statusgo", "geth", "shh/6"},
		{"statusgo", "statusgo", "shh/6"},
		{"statusgo", "statusgo", "waku/0"},
	}
	for _, cell := range cells {
		t.Run(cell.from+" to "+cell.to+" over "+cell.capability, func(t *testing.T) {
			from := launch(t, cell.from, object{"capability": cell.capability})
			to := launch(t, cell.to, object{"capability": cell.capability})
			connect(from, to, cell.capability)
			to.do(object{"cmd": "subscribe", "password": password, "topics": []string{"relay"}})
			posted := from.do(object{"cmd": "post", "password": password, "topic": "relay", "text": "hello", "count": 3, "sign": true})
			for _, hash := range texts(posted["hashes"]) {
				message := to.awaitEvent("message", object{"hash": hash})
				if message["signer"] != from.ready["publicKey"] {
					t.Errorf("signer is %v", message["signer"])
				}
			}
			if cell.from == "statusgo" && cell.to == "statusgo" {
				sent := from.awaitEvent("sent", object{"hash": texts(posted["hashes"])[0]})
				from.awaitEvent("ack", object{"batch": sent["batch"], "form": "message-response", "peer": to.key()})
				from.awaitEvent("ack", object{"batch": sent["batch"], "form": "batch-ack", "peer": to.key()})
			}
		})
	}
}

func TestRelayThroughAMiddlePeer(t *testing.T) {
	for _, middle := range []string{"geth", "statusgo"} {
		t.Run(middle, func(t *testing.T) {
			left := launch(t, "geth", object{})
			relay := launch(t, middle, object{"capability": "shh/6"})
			right := launch(t, "statusgo", object{"capability": "shh/6"})
			connect(left, relay, "shh/6")
			connect(right, relay, "shh/6")
			for _, pair := range [][2]*peer{{left, right}, {right, left}} {
				pair[1].do(object{"cmd": "subscribe", "password": password, "topics": []string{"relay"}})
				posted := pair[0].do(object{"cmd": "post", "password": password, "topic": "relay", "text": "through"})
				pair[1].awaitEvent("message", object{"hash": texts(posted["hashes"])[0]})
			}
		})
	}
}

func TestBothFamiliesOnOneConnection(t *testing.T) {
	both := []string{"shh/6", "waku/0"}
	a := launch(t, "statusgo", object{"capability": both})
	b := launch(t, "statusgo", object{"capability": both})
	connect(a, b, "shh/6")
	a.awaitEvent("peer", object{"peer": b.key(), "capability": "waku/0"})
	for _, capability := range both {
		b.do(object{"cmd": "subscribe", "capability": capability, "password": password, "topics": []string{"both"}})
		posted := a.do(object{"cmd": "post", "capability": capability, "password": password, "topic": "both", "text": capability})
		b.awaitEvent("message", object{"hash": texts(posted["hashes"])[0], "capability": capability})
	}
}

func TestBadPacketEndsTheConversation(t *testing.T) {
	a := launch(t, "statusgo", object{"capability": "waku/0"})
	b := launch(t, "statusgo", object{"capability": "waku/0"})
	connect(a, b, "waku/0")
	a.do(object{"cmd": "packet", "peer": b.key(), "code": 1, "body": "0xc101"})
	b.awaitEvent("peer-down", object{"peer": a.key()})
	connectAgain := a.do(object{"cmd": "dial", "enode": b.ready["enode"]})
	if connectAgain["event"] != "dialled" {
		t.Error("could not dial again")
	}
}

func TestUpdateOfWishes(t *testing.T) {
	for _, capability := range []string{"shh/6", "waku/0"} {
		t.Run(capability, func(t *testing.T) {
			a := launch(t, "statusgo", object{"capability": capability, "report": object{"packets": true}})
			b := launch(t, "statusgo", object{"capability": capability})
			connect(a, b, capability)
			b.do(object{"cmd": "update", "pow": 0.5})
			a.awaitEvent("packet", object{"dir": "in", "code": float64(2), "body": "0x883fe0000000000000"})
		})
	}
}
