package host

import "context"

func (s *session) sweep(context.Context) error { return nil }
