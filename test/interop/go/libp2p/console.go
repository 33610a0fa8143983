package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"sync"
)

// fields are the members of an event beside its name.
type fields map[string]any

// console reads commands and writes events, one JSON object a line.
type console struct {
	mu  sync.Mutex
	out *json.Encoder
}

func (c *console) emit(event string, members fields) {
	line := fields{"event": event}
	for name, value := range members {
		line[name] = value
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.out.Encode(line); err != nil {
		panic(err)
	}
}

// serve runs one command after the other; each is answered by one event with its id as "re".
func (c *console) serve(in io.Reader, commands map[string]func(raw []byte) (string, fields, error)) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var head struct {
			Cmd string          `json:"cmd"`
			ID  json.RawMessage `json:"id"`
		}
		if err := json.Unmarshal(line, &head); err != nil {
			return err
		}
		run, known := commands[head.Cmd]
		if !known {
			c.emit("error", fields{"re": head.ID, "cmd": head.Cmd, "message": "there is no such command"})
			continue
		}
		event, members, err := run(line)
		if err != nil {
			event, members = "error", fields{"cmd": head.Cmd, "message": err.Error()}
		}
		if members == nil {
			members = fields{}
		}
		members["re"] = head.ID
		c.emit(event, members)
	}
}

// command is what every command may carry.
type command struct {
	Cmd string          `json:"cmd"`
	ID  json.RawMessage `json:"id"`
}

// read decodes a command; unknown members are an error.
func read(raw []byte, options any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	return decoder.Decode(options)
}

func hexOf(b []byte) string {
	return "0x" + hex.EncodeToString(b)
}

func bytesOf(text string) ([]byte, error) {
	return hex.DecodeString(strings.TrimPrefix(text, "0x"))
}

func bytesOfAll(texts []string) (out [][]byte, err error) {
	for _, text := range texts {
		one, err := bytesOf(text)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}
