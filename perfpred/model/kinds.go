package model

// Kinds returns the decoders of this package's models; callers add their own.
func Kinds() Decoders {
	return Decoders{
		"constant":  decodeConstant,
		"neighbour": decodeNeighbour,
		"linear":    decodeLinear,
		"boosted":   decodeBoosted,
		"residual":  decodeResidual,
		"stack":     decodeStack,
		"conformal": decodeConformal,
		"guarded":   decodeGuarded,
	}
}
