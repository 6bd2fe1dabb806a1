package virtual

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// ErrCheckpoint: a file that is no checkpoint of the model.
var ErrCheckpoint = errors.New("unusable checkpoint")

// stored is a tensor of a checkpoint, in bfloat16.
type stored struct {
	shape shape
	bits  []uint16
}

// readSafetensors reads a file of bfloat16 vectors and matrices: the length of a
// header (8 bytes, little-endian), the header in JSON, and the data.
func readSafetensors(path string) (map[string]stored, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(file) < 8 || binary.LittleEndian.Uint64(file) > uint64(len(file)-8) {
		return nil, fmt.Errorf("%w: %s ends within its header", ErrCheckpoint, path)
	}
	end := 8 + int(binary.LittleEndian.Uint64(file))
	var header map[string]json.RawMessage
	if err := json.Unmarshal(file[8:end], &header); err != nil {
		return nil, fmt.Errorf("%w: header of %s: %w", ErrCheckpoint, path, err)
	}
	all := map[string]stored{}
	for name, text := range header {
		if name == "__metadata__" {
			continue
		}
		t, err := readTensor(text, file[end:])
		if err != nil {
			return nil, fmt.Errorf("%w: tensor %q of %s: %w", ErrCheckpoint, name, path, err)
		}
		all[name] = t
	}
	return all, nil
}

func readTensor(text []byte, data []byte) (stored, error) {
	var about struct {
		Type    string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	if err := json.Unmarshal(text, &about); err != nil {
		return stored{}, err
	}
	var t stored
	switch len(about.Shape) {
	case 1:
		t.shape = shape{0, about.Shape[0]}
	case 2:
		t.shape = shape{about.Shape[0], about.Shape[1]}
	}
	from, to := about.Offsets[0], about.Offsets[1]
	if about.Type != "BF16" || t.shape.cols <= 0 || t.shape.rows < 0 || from < 0 || from > to || to > len(data) || to-from != 2*t.shape.size() {
		return stored{}, fmt.Errorf("%s %v in %d bytes", about.Type, about.Shape, to-from)
	}
	t.bits = make([]uint16, t.shape.size())
	for i := range t.bits {
		t.bits[i] = binary.LittleEndian.Uint16(data[from+2*i:])
	}
	return t, nil
}
