// Where the script begins: it runs once the page is parsed, as modules do.
import { post } from './forms.js';
import { follow } from './reload.js';
import { Page } from './page.js';
import { Theme } from './theme.js';

post(document);
const main = document.querySelector<HTMLElement>('main');
if (main) {
  const theme = new Theme(document.querySelector('header'));
  const page = new Page(main, document.body.dataset['page'] ?? '', theme);
  if ('live' in document.body.dataset) {
    follow(page);
    void page.estimate();
  }
}
