// Package border recognises platforms by border inputs: prompts after which
// platforms that serve the same model say different next tokens, because two tokens
// are nearly equally likely there. It reads text only, no logprobs. A set of such
// prompts is made where the model's weights and all platforms are at hand
// (hspi/lab/border.py); this package asks an endpoint the set, and decides.
//
// Two decisions stand beside each other. The published one (HSPI-BI, arXiv
// 2411.05197) is between two platforms: each prompt at which they differ has a vote,
// answers that are neither's are dropped, the majority decides. Ours weighs all
// platforms of the set at once by how often each gave which answer in enrolled
// sessions, knows that it may be none of them, and gives a claim a p value.
package border
