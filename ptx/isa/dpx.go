package isa

func dpxForms() []Form { return nil }
