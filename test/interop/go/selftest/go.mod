module mailserver.test/interop/selftest

go 1.26
