package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
)

// A line is the record's JSON with its hash put in before the closing brace.
const (
	hashLead  = `,"hash":"`
	hashTail  = `"}`
	hashPlace = len(hashLead) + 2*sha256.Size + len(hashTail) // 75
)

// encode makes the line of a record, without the line feed, and sets its hash.
func encode(rec *Record) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(rec); err != nil {
		return nil, err
	}
	bare := bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	sum := sha256.Sum256(bare)
	rec.Hash = hex.EncodeToString(sum[:])
	line := append(bare[:len(bare)-1:len(bare)-1], hashLead...)
	line = append(line, rec.Hash...)
	return append(line, hashTail...), nil
}

// split takes a line apart: the record's JSON without the hash, and the hash. Where
// there is no error it puts the closing brace into the line.
func split(line []byte) (bare []byte, hash string, err error) {
	n := len(line) - hashPlace
	if n < 1 || !bytes.HasPrefix(line[n:], []byte(hashLead)) || !bytes.HasSuffix(line, []byte(hashTail)) {
		return nil, "", errors.New("the line does not end in a hash")
	}
	hash = string(line[n+len(hashLead) : len(line)-len(hashTail)])
	bare, line[n] = line[:n+1], '}'
	if sum := sha256.Sum256(bare); hex.EncodeToString(sum[:]) != hash {
		line[n] = hashLead[0]
		return nil, "", errors.New("its hash does not fit its content")
	}
	return bare, hash, nil
}
