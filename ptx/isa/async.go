package isa

func asyncForms() []Form { return nil }
