//! What pages are answered with.

use arrow_ipc::reader::StreamReader;

/// A response: its status, its headers, and its body.
pub(crate) struct Got {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Got {
    pub(crate) fn of(mut response: ureq::http::Response<ureq::Body>) -> Self {
        let body = response.body_mut().read_to_vec().unwrap();
        Self { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The rows of a stream of Arrow, as CSV.
    pub(crate) fn rows(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/vnd.apache.arrow.stream");
        let batches = StreamReader::try_new(self.body.as_slice(), None).unwrap();
        let mut text = String::new();
        for batch in batches {
            let batch = batch.unwrap();
            for row in 0..batch.num_rows() {
                let value = |column| arrow::util::display::array_value_to_string(column, row).unwrap();
                let values: Vec<String> = batch.columns().iter().map(|column| value(column)).collect();
                text.push_str(&format!("{}\n", values.join(",")));
            }
        }
        text
    }
}
