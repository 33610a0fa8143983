// Command geth is a whisper peer of go-ethereum v1.9.14: capability shh/6, with its own mailserver.
package main

import "mailserver.test/interop/kit"

func main() {
	kit.Main("shh/6", map[string]func(kit.LibraryOptions) (kit.Library, error){"shh/6": newWhisper})
}
