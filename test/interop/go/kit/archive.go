package kit

import (
	"fmt"
	"os"
	"time"
)

func (n *Node) onArchive(call *Call) error {
	var o struct {
		head
		Capability string   `json:"capability"`
		Envelopes  []string `json:"envelopes"`
		File       string   `json:"file"`
	}
	if err := call.Read(&o); err != nil {
		return err
	}
	library, err := n.library(o.Capability)
	if err != nil {
		return err
	}
	started := time.Now()
	raws, err := parseHexes(o.Envelopes)
	if err != nil {
		return err
	}
	if o.File != "" {
		content, err := os.ReadFile(o.File)
		if err != nil {
			return err
		}
		items, err := rlpItems(content)
		if err != nil {
			return err
		}
		for _, item := range items {
			raws = append(raws, item.raw)
		}
	}
	for i, raw := range raws {
		if err := library.Archive(raw); err != nil {
			return fmt.Errorf("envelope %d: %w", i, err)
		}
	}
	call.Reply("archived", Fields{"count": len(raws), "total": library.Archived(), "ms": milliseconds(time.Since(started))})
	return nil
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}

func (n *Node) onGenerate(call *Call) error {
	var o GenerateOptions
	if err := call.Read(&o); err != nil {
		return err
	}
	if err := Generate(o); err != nil {
		return err
	}
	call.Reply("generated", Fields{"file": o.File, "count": o.Count})
	return nil
}
