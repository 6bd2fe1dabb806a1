package emu

func (d *decoder) clusterOp(o *op, in *instr) error { return unsupportedf("%s", in.name) }
