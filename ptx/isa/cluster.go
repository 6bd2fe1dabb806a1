package isa

func clusterForms() []Form { return nil }
