//! Says why, where a request is refused before anybody could read it: the HTTP library answers that with a bare status.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection whose bare refusals are told in words.
pub(crate) struct Explained<S> {
    inner: S,
    /// What is written in place of such a refusal, and how much of it is.
    instead: Option<(Vec<u8>, usize)>,
}

impl<S> Explained<S> {
    pub(crate) fn new(inner: S) -> Explained<S> {
        Explained { inner, instead: None }
    }
}

/// What the library writes is told by its status line, and is nothing but a head that ends the connection.
fn in_words(head: &[u8]) -> Option<Vec<u8>> {
    let head = std::str::from_utf8(head).ok().filter(|head| head.starts_with("HTTP/1.1 4"))?;
    let rest = head.strip_suffix("\r\n\r\n").filter(|rest| !rest.contains("\r\n\r\n"))?;
    let bare = rest.contains("\r\ncontent-length: 0") && rest.contains("\r\nconnection: close");
    let why = match head.get(9..12).filter(|_| bare)? {
        "414" => {
            "The address is too long: it has more than 65534 bytes, of which no more than 8192 are read.\n\
             Ask with fewer filters at once; a search takes 200 characters at the most.\n"
        }
        "431" => {
            "The request is too large: address and headers have more than 65536 bytes. Of an address no more than 8192 are \
             read, of headers no more than 16384.\n\
             Ask with fewer filters at once; a search takes 200 characters at the most.\n"
        }
        _ => return None,
    };
    let told = rest.replace("\r\ncontent-length: 0", &format!("\r\ncontent-length: {}", why.len()));
    let headers =
        "content-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\ncache-control: no-store";
    Some(format!("{told}\r\n{headers}\r\n\r\n{why}").into_bytes())
}

impl<S: AsyncWrite + Unpin> Explained<S> {
    /// Writes what stands in place of `head`; ready once all of it is written.
    fn explain(&mut self, cx: &mut Context<'_>, head: &[u8]) -> Poll<io::Result<bool>> {
        if self.instead.is_none() {
            self.instead = in_words(head).map(|words| (words, 0));
        }
        let Some((words, written)) = &mut self.instead else { return Poll::Ready(Ok(false)) };
        while *written < words.len() {
            match ready!(Pin::new(&mut self.inner).poll_write(cx, &words[*written..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => *written += count,
            }
        }
        self.instead = None;
        Poll::Ready(Ok(true))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(self.explain(cx, bytes))? {
            true => Poll::Ready(Ok(bytes.len())),
            false => Pin::new(&mut self.inner).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [head] = parts
            && ready!(self.explain(cx, head))?
        {
            return Poll::Ready(Ok(head.len()));
        }
        Pin::new(&mut self.inner).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_refusal_of_the_library_is_put_into_words() {
        let bare = "HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let told = String::from_utf8(in_words(bare.as_bytes()).unwrap()).unwrap();
        let (head, body) = told.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 414 URI Too Long\r\nconnection: close"), "{head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
        assert!(body.contains("65534") && body.contains("200 characters"), "{body}");

        for other in [
            "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 414 URI Too Long\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 7\r\n\r\na page\n",
            "a line of a log that says HTTP/1.1 414\r\n\r\n",
            "",
        ] {
            assert_eq!(in_words(other.as_bytes()), None, "{other}");
        }
    }
}
