package tape

// Reshape returns the same numbers in the same order with another shape.
func (t *Tape) Reshape(a *Value, rows, cols int) *Value {
	if t.err != nil || rows*cols != len(a.Data) {
		return t.fail("%d x %d as %d x %d", a.Rows, a.Cols, rows, cols)
	}
	// The gradient is shared too, so that nothing has to be carried back.
	return &Value{Rows: rows, Cols: cols, Data: a.Data, grad: a.grad}
}

// Concat puts matrices of equally many rows side by side.
func (t *Tape) Concat(parts ...*Value) *Value {
	cols := 0
	for _, p := range parts {
		cols += p.Cols
		if t.err != nil || p.Rows != parts[0].Rows {
			return t.fail("%d x %d beside %d rows", p.Rows, p.Cols, parts[0].Rows)
		}
	}
	if len(parts) == 0 {
		return t.fail("nothing to put side by side")
	}
	out := t.result(parts[0].Rows, cols, parts...)
	at := 0
	for _, p := range parts {
		for i := range p.Rows {
			copy(out.row(i)[at:], p.row(i))
		}
		at += p.Cols
	}
	return t.record(out, func() {
		at := 0
		for _, p := range parts {
			for i := 0; i < p.Rows && p.grad != nil; i++ {
				accumulate(p.gradRow(i), out.gradRow(i)[at:at+p.Cols])
			}
			at += p.Cols
		}
	})
}

// Slice returns the columns from (inclusive) to (exclusive).
func (t *Tape) Slice(a *Value, from, to int) *Value {
	if t.err != nil || from < 0 || to < from || to > a.Cols {
		return t.fail("columns %d to %d of %d x %d", from, to, a.Rows, a.Cols)
	}
	out := t.result(a.Rows, to-from, a)
	for i := range a.Rows {
		copy(out.row(i), a.row(i)[from:to])
	}
	return t.record(out, func() {
		for i := range a.Rows {
			accumulate(a.gradRow(i)[from:to], out.gradRow(i))
		}
	})
}

// Lookup returns the rows of table with these indexes: an embedding.
func (t *Tape) Lookup(table *Value, index []int) *Value {
	for _, row := range index {
		if t.err != nil || row < 0 || row >= table.Rows {
			return t.fail("row %d of %d x %d", row, table.Rows, table.Cols)
		}
	}
	out := t.result(len(index), table.Cols, table)
	for i, row := range index {
		copy(out.row(i), table.row(row))
	}
	return t.record(out, func() {
		for i, row := range index {
			accumulate(table.gradRow(row), out.gradRow(i))
		}
	})
}
