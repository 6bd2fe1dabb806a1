package table

import (
	"strings"
	"unicode/utf8"
)

// ascii spells a text without characters outside ASCII.
func ascii(s string) string {
	s = strings.NewReplacer("±", "+/-", "−", "-", "–", "-", "—", "-", "✓", "ok", "✗", "WRONG", "×", "x", "†", " (secondary)", "‡", " (note)",
		"µ", "u", "→", "->", "…", "...", "·", "-", "§", "sec. ", "≤", "<=", "≥", ">=").Replace(s)
	return strings.Map(func(r rune) rune {
		if r > 126 {
			return '?'
		}
		return r
	}, s)
}

func width(s string) int { return utf8.RuneCountInString(s) }

// wrap breaks a text into lines of at most limit characters, between words
// where it can; a limit of 0 or less means none.
func wrap(s string, limit int) []string {
	if limit <= 0 || width(s) <= limit {
		return []string{s}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		for width(word) > limit { // a word that fits on no line
			room := limit
			if line != "" {
				if room = limit - width(line) - 1; room < limit/2 {
					lines, line, room = append(lines, line), "", limit
				}
			}
			head, tail := split(word, room)
			lines, line, word = append(lines, join(line, head)), "", tail
		}
		if line != "" && width(line)+1+width(word) > limit {
			lines, line = append(lines, line), ""
		}
		line = join(line, word)
	}
	return append(lines, line)
}

func join(line, word string) string {
	if line == "" {
		return word
	}
	return line + " " + word
}

func split(word string, n int) (head, tail string) {
	runes := []rune(word)
	return string(runes[:n]), string(runes[n:])
}
