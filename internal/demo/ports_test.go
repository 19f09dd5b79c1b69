package demo

import "testing"

func TestEveryListenerHasAPortOfItsOwnThatItKeeps(t *testing.T) {
	dir := t.TempDir()
	p, err := openPorts(dir)
	if err != nil {
		t.Fatal(err)
	}
	taken := map[string]string{}
	names := make([]string, 60)
	for i := range names {
		names[i] = string(rune('a'+i%26)) + string(rune('a'+i/26))
		at, err := p.address(t.Context(), names[i])
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := taken[at]; ok {
			t.Errorf("%s and %s have %s", names[i], other, at)
		}
		taken[at] = names[i]
	}
	again, err := openPorts(dir)
	if err != nil {
		t.Fatal(err)
	}
	for at, name := range taken {
		if got, err := again.address(t.Context(), name); err != nil || got != at {
			t.Errorf("%s has %s after a restart, %v, want %s", name, got, err, at)
		}
	}
}
