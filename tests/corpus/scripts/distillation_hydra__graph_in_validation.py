import hydra
import torch
import torch.nn.functional as F
from hydra.utils import instantiate
from omegaconf import DictConfig


@hydra.main(config_path="conf", config_name="train", version_base=None)
def main(cfg: DictConfig) -> None:
    torch.manual_seed(cfg.seed)
    student, teacher = instantiate(cfg.student).cuda(), instantiate(cfg.teacher).cuda()
    teacher.load_state_dict(torch.load(cfg.teacher_ckpt, weights_only=True))
    teacher.eval().requires_grad_(False)
    train_dl, val_dl = instantiate(cfg.train_loader), instantiate(cfg.val_loader)
    opt = instantiate(cfg.optimizer, params=student.parameters())
    sched = instantiate(cfg.scheduler, optimizer=opt)
    tau, alpha = cfg.tau, cfg.alpha
    for epoch in range(cfg.epochs):
        student.train()
        for x, y in train_dl:
            x, y = x.cuda(), y.cuda()
            with torch.no_grad():
                soft = F.softmax(teacher(x) / tau, -1)
            logits = student(x)
            loss = alpha * tau**2 * F.kl_div(F.log_softmax(logits / tau, -1), soft, reduction="batchmean")
            loss = loss + (1 - alpha) * F.cross_entropy(logits, y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
        student.eval()
        hit = n = 0
        for x, y in val_dl:
            hit += (student(x.cuda()).argmax(-1) == y.cuda()).sum().item()
            n += len(y)
        print(epoch, hit / n)
        torch.save(student.state_dict(), cfg.out)


if __name__ == "__main__":
    main()
