package emu

type tensorScratch struct{}

func (d *decoder) matrixOp(o *op, in *instr) error { return unsupportedf("%s", in.name) }
func (d *decoder) wgmmaOp(o *op, in *instr) error  { return unsupportedf("%s", in.name) }
