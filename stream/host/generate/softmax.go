package main

func (m machine) softmax() entries { return nil }
