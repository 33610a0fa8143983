package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"errors"
)

const (
	keyIterations = 65356
	blockSize     = 256
	ivSize        = 12
)

func keyFromPassword(password string) ([]byte, error) {
	return pbkdf2.Key(sha256.New, password, nil, keyIterations, 32)
}

// seal makes the data of an envelope: the unsigned plaintext, AES-256-GCM, and the iv at the end.
func seal(payload, key []byte) ([]byte, error) {
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	if len(payload) > 0xffff {
		return nil, errors.New("the payload is too long")
	}
	// the width of the length, which is little-endian
	plain := append([]byte{2, byte(len(payload)), byte(len(payload) >> 8)}, payload...)
	padding := make([]byte, blockSize-len(plain)%blockSize+ivSize)
	rand.Read(padding)
	iv := padding[len(padding)-ivSize:]
	plain = append(plain, padding[:len(padding)-ivSize]...)
	return append(gcm.Seal(nil, iv, plain, nil), iv...), nil
}

// open is the payload inside the data of an envelope.
func open(data, key []byte) ([]byte, error) {
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	if len(data) < ivSize {
		return nil, errors.New("the data is too short")
	}
	at := len(data) - ivSize
	plain, err := gcm.Open(nil, data[at:], data[:at], nil)
	if err != nil {
		return nil, err
	}
	end := len(plain)
	if end == 0 {
		return nil, errors.New("the plaintext is empty")
	}
	if plain[0]&4 != 0 {
		end -= 65
	}
	width := int(plain[0] & 3)
	length := 0
	if 1+width > end {
		return nil, errors.New("the plaintext is too short")
	}
	for i := width; i > 0; i-- {
		length = length<<8 | int(plain[i])
	}
	if 1+width+length > end {
		return nil, errors.New("the plaintext is too short")
	}
	return plain[1+width : 1+width+length], nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
