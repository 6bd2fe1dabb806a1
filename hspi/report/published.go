package report

// Published is what the paper of HSPI reports (Zhang et al., arXiv 2411.05197,
// ICML 2025), to stand beside ours. Models, platforms and data differ: the figures
// say what has been reached, not what is better.
func Published() Section {
	return Section{
		Title: "Published figures",
		Text: []string{"HSPI (Zhang et al., arXiv 2411.05197, ICML 2025). Other models, platforms and data than here; white box means that the verifier " +
			"has the served model, black box that the classifier was made with other models."},
		Tables: []Table{{
			Header: []string{"task", "method", "figure", "chance", "source"},
			Rows: [][]string{
				{"GPU, white box", "HSPI", "accuracy 0.839 to 1", "0.5 for two GPUs", "abstract"},
				{"GPU, black box", "HSPI", "accuracy up to 3 times chance", "", "abstract"},
				{"number format of 7, black box, MobileNet-v2", "HSPI-BI", "mean F1 0.306", "0.143", "transfer table of version 1, mean of its cells"},
				{"number format of 7, black box, ResNet50", "HSPI-LD", "mean F1 0.705", "0.143", "transfer table of version 1, mean of its cells"},
				{"{bf16, fp16} x {eager, SDPA, FlashAttention-2} on an A100", "HSPI-LD", "accuracy 0.435, on its training data", "0.167", "log in the authors' source, llm_logits.py"},
			},
		}},
	}
}
