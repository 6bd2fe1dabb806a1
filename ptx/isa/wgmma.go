package isa

func wgmmaForms() []Form { return nil }
