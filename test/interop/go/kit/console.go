package kit

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
)

// Fields are the members of an event beside its name.
type Fields map[string]any

// Console writes events, one JSON object a line.
type Console struct {
	mu  sync.Mutex
	out *bufio.Writer
}

// NewConsole writes to out.
func NewConsole(out io.Writer) *Console {
	return &Console{out: bufio.NewWriterSize(out, 1<<16)}
}

// Emit writes one event and flushes.
func (c *Console) Emit(event string, fields Fields) {
	line := make(Fields, len(fields)+1)
	for name, value := range fields {
		line[name] = value
	}
	line["event"] = event
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Write(text)
	c.out.WriteByte('\n')
	c.out.Flush()
}

// Call is one command line.
type Call struct {
	Name    string
	raw     []byte
	re      json.RawMessage
	console *Console
}

// Read decodes the command into options; unknown members are an error.
func (c *Call) Read(options any) error {
	decoder := json.NewDecoder(bytes.NewReader(c.raw))
	decoder.DisallowUnknownFields()
	return decoder.Decode(options)
}

// Reply emits an event that carries the command's id as "re".
func (c *Call) Reply(event string, fields Fields) {
	if fields == nil {
		fields = Fields{}
	}
	if c.re != nil {
		fields["re"] = c.re
	}
	c.console.Emit(event, fields)
}

// Fail replies with an error event.
func (c *Call) Fail(err error) {
	c.Reply("error", Fields{"cmd": c.Name, "message": err.Error()})
}

// head is what every command may carry.
type head struct {
	Cmd string          `json:"cmd"`
	ID  json.RawMessage `json:"id"`
}

// Serve reads commands from in until it ends or a handler says stop. Commands run one after the other.
func (c *Console) Serve(in io.Reader, handle func(*Call) (stop bool, err error)) error {
	reader := bufio.NewReaderSize(in, 1<<16)
	for {
		line, err := reader.ReadBytes('\n')
		if text := bytes.TrimSpace(line); len(text) > 0 {
			var h head
			call := &Call{raw: text, console: c}
			if err := json.Unmarshal(text, &h); err != nil {
				call.Fail(fmt.Errorf("not a command: %w", err))
			} else {
				call.Name, call.re = h.Cmd, h.ID
				stop, err := handle(call)
				if err != nil {
					call.Fail(err)
				}
				if stop {
					return nil
				}
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func hexOf(b []byte) string {
	return "0x" + hex.EncodeToString(b)
}

func hexes(hashes []Hash) []string {
	out := make([]string, len(hashes))
	for i, hash := range hashes {
		out[i] = hexOf(hash[:])
	}
	return out
}

func parseHex(text string) ([]byte, error) {
	return hex.DecodeString(strings.TrimPrefix(text, "0x"))
}
