package emu

func (d *decoder) asyncOp(o *op, in *instr) error      { return unsupportedf("%s", in.name) }
func (d *decoder) storeAsync(in *instr) (step, error)  { return nil, unsupportedf("%s", in.name) }
func (d *decoder) reduceAsync(in *instr) (step, error) { return nil, unsupportedf("%s", in.name) }
