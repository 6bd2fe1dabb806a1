// Package builtin holds the profile that works out of the box: the lab's platforms
// on an H200, an H100 and CPUs, learned from the recordings in hspi/recorded but
// their sixth sessions. It is made by
//
//	gpubench hspi train hspi/recorded --without-session 6 --out hspi/builtin/profile.json.zst
//
// The lab serves a small model of its own. Of other models the profile knows
// nothing, and says so: they are like no enrolled platform.
package builtin

import (
	"bytes"
	_ "embed"
	"fmt"

	"github.com/gpubench/gpubench/hspi/model"
)

//go:embed profile.json.zst
var profile []byte

// HeldOut is the number of the sessions that the profile was not trained on.
const HeldOut = "6"

// Profile reads the built-in profile.
func Profile() (*model.Profile, error) {
	p, err := model.Read(bytes.NewReader(profile))
	if err != nil {
		return nil, fmt.Errorf("built-in profile: %w", err)
	}
	return p, nil
}
