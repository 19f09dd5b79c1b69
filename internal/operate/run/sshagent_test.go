package run

import (
	"bytes"
	"io"
	"log"
	"net"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// talk returns a client of an agent that has a key, as the library of ssh
// speaks to one.
func talk(t testing.TB) (agent.ExtendedAgent, ssh.PublicKey) {
	t.Helper()
	k, err := NewKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(k.private)
	if err != nil {
		t.Fatal(err)
	}
	here, there := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = answerAll(signer, there) // ends with the client
	}()
	t.Cleanup(func() { _ = here.Close(); _ = there.Close(); <-done })
	return agent.NewClient(here), signer.PublicKey()
}

func TestTheAgentListsItsKeyAndSignsWithIt(t *testing.T) {
	a, own := talk(t)
	keys, err := a.List()
	if err != nil || len(keys) != 1 || !bytes.Equal(keys[0].Blob, own.Marshal()) || keys[0].Comment != keyComment {
		t.Fatalf("keys %v, %v", keys, err)
	}
	for _, flags := range []agent.SignatureFlags{0, agent.SignatureFlagRsaSha512} {
		sig, err := a.SignWithFlags(own, []byte("data"), flags)
		if err != nil {
			t.Fatal(err)
		}
		if err := own.Verify([]byte("data"), sig); err != nil {
			t.Error(err)
		}
	}
}

func TestTheAgentOnlySignsAndIsQuietAboutIt(t *testing.T) {
	var said bytes.Buffer
	log.SetOutput(&said)
	t.Cleanup(func() { log.SetOutput(io.Discard) })
	a, own := talk(t)
	other, err := NewKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ssh.NewPublicKey(other.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	_, foreign := a.Sign(stranger, []byte("x"))
	_, extension := a.Extension("query", nil)
	for what, err := range map[string]error{
		"add": a.Add(agent.AddedKey{PrivateKey: other.private}), "remove": a.Remove(own), "remove all": a.RemoveAll(),
		"lock": a.Lock([]byte("x")), "unlock": a.Unlock([]byte("x")), "sign with another key": foreign, "extension": extension,
	} {
		if err == nil {
			t.Errorf("%s was done", what)
		}
	}
	if keys, err := a.List(); err != nil || len(keys) != 1 {
		t.Errorf("afterwards it has %v, %v", keys, err)
	}
	if said.Len() > 0 {
		t.Errorf("the log got %q", said.String())
	}
}

func FuzzAgentMessagesAreAnswered(f *testing.F) {
	k, err := NewKey(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(k.private)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{agentList})
	f.Add(append([]byte{agentSign}, ssh.Marshal(struct {
		Key, Data []byte
		Flags     uint32
	}{signer.PublicKey().Marshal(), []byte("x"), 0})...))
	f.Fuzz(func(t *testing.T, msg []byte) {
		if len(msg) == 0 {
			return
		}
		got := answer(signer, msg)
		if len(got) == 0 || msg[0] != agentList && msg[0] != agentSign && got[0] != agentFailure {
			t.Errorf("%x is answered %x", msg, got)
		}
	})
}
