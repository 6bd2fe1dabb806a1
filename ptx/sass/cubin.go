package sass

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Errors of Read that callers tell apart.
var (
	// ErrNotCubin means that the bytes are something else than a cubin.
	ErrNotCubin = errors.New("not a cubin")
	// ErrDamaged means a cubin that is cut short or contradicts itself.
	ErrDamaged = errors.New("damaged cubin")
)

const (
	machineCUDA = 190 // e_machine of NVIDIA's GPUs
	wordBytes   = 16  // one instruction
	codePrefix  = ".text."
)

// Read decodes the code of every kernel of a cubin, in the order of its sections.
func Read(cubin []byte) ([]*Kernel, error) {
	if !bytes.HasPrefix(cubin, []byte(elf.ELFMAG)) {
		return nil, fmt.Errorf("read machine code: no ELF header: %w", ErrNotCubin)
	}
	file, err := elf.NewFile(bytes.NewReader(cubin))
	if err != nil {
		return nil, fmt.Errorf("read machine code: %w: %w", ErrDamaged, err)
	}
	if file.Machine != machineCUDA || file.Class != elf.ELFCLASS64 || file.Data != elf.ELFDATA2LSB {
		return nil, fmt.Errorf("read machine code: an ELF file of machine %v: %w", file.Machine, ErrNotCubin)
	}
	sm, err := architecture(cubin, file.ABIVersion)
	if err != nil {
		return nil, err
	}
	registers, err := registerCounts(file)
	if err != nil {
		return nil, err
	}
	decoder, err := newDecoder(sm)
	if err != nil {
		return nil, err
	}
	var kernels []*Kernel
	for _, s := range file.Sections {
		name, ok := strings.CutPrefix(s.Name, codePrefix)
		if !ok || s.Type != elf.SHT_PROGBITS {
			continue
		}
		k := &Kernel{Name: name, SM: sm, Registers: registers[name]}
		if n := int(s.Info >> 24); n > 0 {
			k.Registers = n
		}
		if k.Code, err = code(decoder, s); err != nil {
			return nil, fmt.Errorf("read kernel %s: %w", name, err)
		}
		kernels = append(kernels, k)
	}
	return kernels, nil
}

// architecture reads the SM number out of the ELF flags: the second byte in the
// ABI of CUDA 13, the lowest byte in the one before.
func architecture(cubin []byte, abi byte) (int, error) {
	flags := binary.LittleEndian.Uint32(cubin[48:]) // e_flags of a 64-bit header, which was parsed already
	sm := int(flags & 0xff)
	if abi >= 8 {
		sm = int(flags >> 8 & 0xff)
	}
	if sm < 70 || sm > 129 {
		return 0, fmt.Errorf("read machine code: ELF flags %#x of ABI %d name no known architecture: %w", flags, abi, ErrDamaged)
	}
	return sm, nil
}

// code decodes one section.
func code(d *decoder, s *elf.Section) ([]Instruction, error) {
	data, err := s.Data()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if len(data)%wordBytes != 0 {
		return nil, fmt.Errorf("%w: %d bytes of code are no whole number of instructions", ErrDamaged, len(data))
	}
	list := make([]Instruction, 0, len(data)/wordBytes)
	for at := 0; at < len(data); at += wordBytes {
		w := word{binary.LittleEndian.Uint64(data[at:]), binary.LittleEndian.Uint64(data[at+8:])}
		list = append(list, d.decode(at, w))
	}
	return list, nil
}

// Attributes of .nv.info: format and code, and the one that carries registers.
const (
	formatSized   = 4    // a 16-bit size follows, then the value
	attrRegisters = 0x2f // symbol index and register count
)

// registerCounts reads the registers per thread of every kernel from .nv.info.
// A cubin without that section gives none.
func registerCounts(file *elf.File) (map[string]int, error) {
	counts := map[string]int{}
	section := file.Section(".nv.info")
	if section == nil {
		return counts, nil
	}
	info, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("read .nv.info: %w: %w", ErrDamaged, err)
	}
	symbols, err := file.Symbols()
	if err != nil {
		return nil, fmt.Errorf("read symbols: %w: %w", ErrDamaged, err)
	}
	for len(info) >= 4 {
		format, attribute, value := info[0], info[1], int(binary.LittleEndian.Uint16(info[2:]))
		info = info[4:]
		if format != formatSized {
			continue
		}
		if value > len(info) {
			return nil, fmt.Errorf("read .nv.info: %w: an attribute of %d bytes, %d are left", ErrDamaged, value, len(info))
		}
		if attribute == attrRegisters && value == 8 {
			symbol := int(binary.LittleEndian.Uint32(info)) - 1 // debug/elf leaves out symbol 0
			if symbol >= 0 && symbol < len(symbols) {
				counts[symbols[symbol].Name] = int(binary.LittleEndian.Uint32(info[4:]))
			}
		}
		info = info[value:]
	}
	return counts, nil
}
