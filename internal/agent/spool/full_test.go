package spool

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
)

// fullDisk is a disk that takes half of a write and then no more.
type fullDisk struct{ full bool }

func (d *fullDisk) write(f *os.File, b []byte) error {
	if !d.full {
		return writeAndSync(f, b)
	}
	if _, err := f.Write(b[:len(b)/2]); err != nil {
		return err
	}
	return syscall.ENOSPC
}

func TestAFullDiskCorruptsNothingAndStillReachesHubs(t *testing.T) {
	disk := &fullDisk{}
	dir := t.TempDir()
	s, err := Open(dir, Options{write: disk.write})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Reader("a")
	if err != nil {
		t.Fatal(err)
	}
	put := func(i int) error { return s.Append(Record{Kind: "k", Payload: fmt.Append(nil, i)}) }
	for i := range 10 {
		disk.full = i >= 3 && i < 7
		if err := put(i); disk.full != errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("append %d with full disk %v: %v", i, disk.full, err)
		}
	}
	if st := s.Stats(); st.Unkept != 4 || st.Damaged != 0 {
		t.Errorf("unkept %d, damaged %d; want 4 and 0", st.Unkept, st.Damaged)
	}
	for i := range 5 { // the first of memory among them, in order
		rec, ok, err := r.Peek()
		if !ok || err != nil || string(rec.Payload) != fmt.Sprint(i) {
			t.Fatalf("record %d: got %q, %v, %v", i, rec.Payload, ok, err)
		}
		if err := r.Ack(rec); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	if s, err = Open(dir, Options{}); err != nil { // memory is gone, the disk is whole
		t.Fatal(err)
	}
	defer s.Close()
	r, _ = s.Reader("a")
	rec, ok, err := r.Peek()
	if !ok || err != nil || string(rec.Payload) != "7" {
		t.Fatalf("after the restart: %q, %v, %v; want 7", rec.Payload, ok, err)
	}
	if st := s.Stats(); st.Lost != 2 || st.Damaged != 0 {
		t.Errorf("lost %d, damaged %d; want 2 (only in memory) and 0", st.Lost, st.Damaged)
	}
}

func TestMemoryIsBoundedWhileTheDiskIsFull(t *testing.T) {
	disk := &fullDisk{full: true}
	s, err := Open(t.TempDir(), Options{write: disk.write, MemoryBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, _ := s.Reader("a")
	for i := range 100 {
		if err := s.Append(Record{Kind: "k", Payload: fmt.Appendf(nil, "%060d", i)}); err == nil {
			t.Fatal("a full disk took a record")
		}
	}
	got := 0
	for {
		rec, ok, _ := r.Peek()
		if !ok {
			break
		}
		got++
		if err := r.Ack(rec); err != nil {
			t.Fatal(err)
		}
	}
	if st := s.Stats(); got == 0 || got > 10 || uint64(got)+st.Lost != 100 {
		t.Errorf("%d delivered from memory, %d lost; want about 10 and 100 together", got, st.Lost)
	}
}
