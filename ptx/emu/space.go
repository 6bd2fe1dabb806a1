package emu

import (
	"encoding/binary"
)

// space is a state space of memory.
type space uint8

const (
	generic space = iota
	global
	sharedCTA
	sharedCluster
	param
)

func (s space) String() string {
	return [...]string{"generic", "global", "shared", "shared::cluster", "param"}[s]
}

// Windows of the shared and parameter spaces in generic addresses.
const (
	sharedWindow = 0x7F00_0000_0000
	paramWindow  = 0x7F10_0000_0000
	windowBytes  = 1 << 32
)

// A shared address is the offset in the CTA's own memory; above rankShift
// stands, for another CTA of the cluster (and after mapa), its rank plus one.
const (
	rankShift  = 24
	offsetMask = 1<<rankShift - 1
)

// spaceOf is the space that an instruction names.
func spaceOf(in *instr) space {
	for _, q := range in.q {
		switch q {
		case "global":
			return global
		case "shared", "shared::cta":
			return sharedCTA
		case "shared::cluster":
			return sharedCluster
		case "param", "const", "param::entry":
			return param
		}
	}
	return generic
}

// at gives the n bytes at an address, whose size aligns them; lane is for the error.
func (w *warp) at(lane int, s space, address, n uint64, write bool) ([]byte, error) {
	if address&(n-1) != 0 {
		return nil, &accessError{lane, s.String(), address, int(n), ErrAlign}
	}
	return w.bytes(lane, s, address, n, write)
}

// bytes gives the n bytes at an address.
func (w *warp) bytes(lane int, s space, address, n uint64, write bool) ([]byte, error) {
	where, at := s, address
	if s == generic {
		switch {
		case address-sharedWindow < windowBytes:
			where, at = sharedCluster, address-sharedWindow
		case address-paramWindow < windowBytes:
			where, at = param, address-paramWindow
		default:
			where = global
		}
	}
	var span []byte
	var err error
	switch where {
	case global:
		span, err = w.cta.cluster.launch.mem.span(at, n, write)
	case param:
		if p := w.cta.cluster.launch.param; at+n <= uint64(len(p)) && !write {
			span = p[at : at+n]
		} else {
			err = ErrBounds
		}
	default:
		span, err = w.cta.sharedBytes(at, n, where == sharedCluster || s == generic)
	}
	if err != nil {
		return nil, &accessError{lane, s.String(), address, int(n), err}
	}
	return span, nil
}

// sharedBytes gives n bytes of shared memory: the CTA's own or, if peers, that
// of any CTA of the cluster.
func (c *cta) sharedBytes(address, n uint64, peers bool) ([]byte, error) {
	owner := c
	if rank := address >> rankShift; rank != 0 {
		if rank > uint64(len(c.cluster.ctas)) {
			return nil, ErrBounds
		}
		owner = c.cluster.ctas[rank-1]
		if owner != c && !peers {
			return nil, ErrBounds
		}
		if owner.live == 0 {
			return nil, illegalf("CTA %d of the cluster has exited", owner.rank)
		}
	}
	offset := address & offsetMask
	if offset < sharedReserved || offset+n > uint64(len(owner.shared)) {
		return nil, ErrBounds
	}
	return owner.shared[offset : offset+n], nil
}

func load(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func store(b []byte, v uint64) {
	switch len(b) {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, v)
	}
}
