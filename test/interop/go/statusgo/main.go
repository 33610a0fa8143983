// Command statusgo is a peer of status-go's published libraries: whisper v6.2.6 (capability shh/6 with the Status extensions) and
// waku v1.2.0 (capability waku/0 with the positional Status), each with a mailserver of this project's own behind the library's interface.
package main

import "mailserver.test/interop/kit"

func main() {
	kit.Main("waku/0", map[string]func(kit.LibraryOptions) (kit.Library, error){"shh/6": newWhisper, "waku/0": newWaku})
}
