package isa

func mmaForms() []Form { return nil }
