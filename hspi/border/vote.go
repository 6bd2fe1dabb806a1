package border

// Vote is the published decision between two platforms: of the prompts at which they
// answer differently, how many were answered as either does.
type Vote struct {
	A, B       string
	ForA, ForB int
	// Dropped are answers that are neither's.
	Dropped int
}

// Vote counts the votes between two platforms of the set, by their names.
func (s *Set) Vote(a, b string, said []int) Vote {
	return s.vote(s.table(), s.platform(a), s.platform(b), said)
}

func (s *Set) vote(t *table, a, b int, said []int) Vote {
	v := Vote{A: s.Platforms[a].ID, B: s.Platforms[b].ID}
	for i := range s.Prompts {
		ofA, ofB := t.most[i][a], t.most[i][b]
		if said[i] == silent || ofA == ofB || ofA == silent || ofB == silent {
			continue
		}
		switch said[i] {
		case ofA:
			v.ForA++
		case ofB:
			v.ForB++
		default:
			v.Dropped++
		}
	}
	return v
}

// Winner is the platform of the majority, "" where there is none.
func (v Vote) Winner() string {
	switch {
	case v.ForA > v.ForB:
		return v.A
	case v.ForB > v.ForA:
		return v.B
	}
	return ""
}

// made are how often a platform gave each answer as the set was made, others last.
func (p *Prompt) made(id string) []int {
	counts := make([]int, len(p.Says)+1)
	for _, k := range p.Answers[id] {
		counts[k]++
	}
	return counts
}
