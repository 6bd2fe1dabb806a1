package isa

func halfForms() []Form { return nil }
