package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/gpubench/gpubench/hspi/evidence"
)

var (
	errTimeout  = errors.New("no answer in time")
	errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxBody>>20)
)

// redirectError is a redirect that is not followed.
type redirectError struct{ to string }

func (e *redirectError) Error() string { return "redirected to " + e.to }

// TransportError is a failure below HTTP, with what to do about it.
type TransportError struct {
	Kind evidence.FailureKind
	Text string
	// Advice says what the user can do.
	Advice string
}

func (e *TransportError) Error() string {
	if e.Advice == "" {
		return e.Text
	}
	return e.Text + "; " + e.Advice
}

// classify names a failure to send or receive. Cancelling by the user is the
// end of the outer context without a cause of ours.
func classify(ctx context.Context, err error) (evidence.FailureKind, string) {
	var redirect *redirectError
	var netErr net.Error
	switch {
	case errors.As(err, &redirect):
		return evidence.FailureRedirect, err.Error()
	case errors.Is(err, errTooLarge):
		return evidence.FailureTooLarge, err.Error()
	case errors.Is(err, errTimeout), errors.Is(err, context.DeadlineExceeded):
		return evidence.FailureTimeout, errTimeout.Error()
	case errors.Is(err, context.Canceled), ctx.Err() != nil:
		return evidence.FailureCancelled, "cancelled"
	case tlsText(err) != "":
		return evidence.FailureTLS, tlsText(err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return evidence.FailureTruncated, "the connection ended too early: " + err.Error()
	case errors.As(err, &netErr) && netErr.Timeout():
		return evidence.FailureTimeout, err.Error()
	}
	if text := connectText(err); text != "" {
		return evidence.FailureConnect, text
	}
	return evidence.FailureOther, err.Error()
}

// tlsText describes what is wrong with a certificate or handshake; empty for
// other errors.
func tlsText(err error) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &record):
		return "the server does not speak TLS"
	case errors.As(err, &host):
		return "the certificate is for another host: " + host.Error()
	case errors.As(err, &authority):
		return "the certificate is signed by an unknown authority"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired or is not yet valid"
	case errors.As(err, &invalid), errors.As(err, &verify):
		return "the certificate is not valid: " + err.Error()
	case errors.As(err, &alert):
		return "the server refused the TLS handshake: " + alert.Error()
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"): // net/http has no type for it
		return "the server does not speak TLS"
	}
	return ""
}

func connectText(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("the host %s cannot be found", dns.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.As(err, &op) && op.Op == "dial":
		return "no connection: " + op.Err.Error()
	}
	return ""
}

// transportError is the error for a failure in evidence.
func transportError(f *evidence.Failure) *TransportError {
	e := &TransportError{Kind: f.Kind, Text: f.Text}
	switch f.Kind {
	case evidence.FailureTLS:
		switch {
		case strings.Contains(f.Text, "does not speak TLS"):
			e.Advice = "use http:// if this is a server of yours"
		case strings.Contains(f.Text, "unknown authority"):
			e.Advice = "if the authority is your own, name its file in SSL_CERT_FILE"
		case strings.Contains(f.Text, "expired"):
			e.Advice = "check the clock of this machine, else the operator must renew it"
		default:
			e.Advice = "check the address; somebody may stand between"
		}
	case evidence.FailureConnect:
		e.Advice = "check host and port, and that the server runs"
	case evidence.FailureTimeout:
		e.Advice = "the server may be overloaded or still loading; allow more time or try again later"
	case evidence.FailureRedirect:
		e.Advice = "it was not followed, and the key was not sent there; if you trust that address, use it as the endpoint"
	case evidence.FailureTruncated:
		e.Advice = "a server or proxy cut the answer off; what came is in the evidence"
	}
	return e
}
